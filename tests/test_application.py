"""Wrangler files are read as wrangler means them; where they are wrong, the file, the key and the nearest are named."""

import json

import pytest

from harness.application import Application, DurableObject, KvNamespace, Limits, Service, Worker, load_worker
from harness.errors import ConfigurationError
from harness.features import Feature

PLAIN = {"name": "hello", "main": "index.mjs", "compatibility_date": "2026-02-01"}
SOURCE = "export default {};"

FULL = """{
  // every key an adapter translates
  "$schema": "node_modules/wrangler/config-schema.json",
  "name": "full", "main": "index.mjs", "compatibility_date": "2026-02-01",
  "compatibility_flags": ["nodejs_compat", "experimental"],
  "vars": {"TEXT": "a", "NUMBER": 1.5, "LIST": [1, {"a": null}], "FLAG": true,},
  "kv_namespaces": [{"binding": "KV", "id": "one"}, {"binding": "OWN"}],
  "services": [{"binding": "AUTH", "service": "auth", "entrypoint": "Admin"}],
  "durable_objects": {"bindings": [{"name": "ROOM", "class_name": "Room"},
                                   {"name": "FAR", "class_name": "Far", "script_name": "other"}]},
  "migrations": [{"tag": "v1", "new_classes": ["Old"], "new_sqlite_classes": ["Room"]}],
  "limits": {"cpu_ms": 50, "subrequests": 5},
}"""

FULL_TOML = """
name = "full"
main = "index.mjs"
compatibility_date = "2026-02-01"
compatibility_flags = ["nodejs_compat", "experimental"]
kv_namespaces = [{binding = "KV", id = "one"}, {binding = "OWN"}]
services = [{binding = "AUTH", service = "auth", entrypoint = "Admin"}]
[vars]
TEXT = "a"
NUMBER = 1.5
LIST = [1, {a = "b"}]
FLAG = true
[[durable_objects.bindings]]
name = "ROOM"
class_name = "Room"
[[durable_objects.bindings]]
name = "FAR"
class_name = "Far"
script_name = "other"
[[migrations]]
tag = "v1"
new_classes = ["Old"]
new_sqlite_classes = ["Room"]
[limits]
cpu_ms = 50
subrequests = 5
"""

SELDOM_SERVED = {
    "r2_buckets": Feature.R2_BUCKETS,
    "d1_databases": Feature.D1_DATABASES,
    "queues": Feature.QUEUES,
    "workflows": Feature.WORKFLOWS,
    "hyperdrive": Feature.HYPERDRIVE,
    "vpc_services": Feature.VPC_SERVICES,
    "containers": Feature.CONTAINERS,
    "placement": Feature.PLACEMENT,
    "tail_consumers": Feature.TAIL_CONSUMERS,
    "ai": Feature.AI,
}


@pytest.fixture
def load(tmp_path):
    def load_text(content, *, file="wrangler.jsonc", env=None, main="index.mjs", folder="worker"):
        place = tmp_path / folder
        (place / main).parent.mkdir(parents=True, exist_ok=True)
        (place / main).write_text(SOURCE)
        (place / file).write_text(content if isinstance(content, str) else json.dumps(content))
        return load_worker(place, env=env)

    return load_text


def test_every_key_is_read(load):
    """Each key becomes the value an adapter translates."""
    assert load(FULL) == Worker(
        name="full",
        main="index.mjs",
        modules={"index.mjs": SOURCE.encode()},
        compatibility_date="2026-02-01",
        compatibility_flags=("nodejs_compat", "experimental"),
        vars={"TEXT": "a", "NUMBER": 1.5, "LIST": [1, {"a": None}], "FLAG": True},
        kv_namespaces=(KvNamespace(binding="KV", id="one"), KvNamespace(binding="OWN")),
        services=(Service(binding="AUTH", service="auth", entrypoint="Admin"),),
        durable_objects=(
            DurableObject(name="ROOM", class_name="Room"),
            DurableObject(name="FAR", class_name="Far", script_name="other"),
        ),
        sqlite_classes=frozenset({"Room"}),
        limits=Limits(cpu_ms=50, subrequests=5),
    )


def test_toml_says_the_same(load):
    """wrangler.toml with the same settings gives the same Worker."""
    from_json = load(FULL.replace('"a": null', '"a": "b"'), folder="json")
    assert load(FULL_TOML, file="wrangler.toml", folder="toml") == from_json


def test_what_is_left_out_has_a_default(load):
    """The three keys wrangler needs are enough, and need nothing of the runtime."""
    worker = load(PLAIN)
    assert (worker.vars, worker.kv_namespaces, worker.services, worker.durable_objects) == ({}, (), (), ())
    assert (worker.limits, worker.compatibility_flags) == (None, ())
    assert worker.features() == frozenset()


def test_each_key_needs_its_feature(load):
    """A Worker needs the features of the keys it has."""
    needed = {Feature.VARS, Feature.KV_NAMESPACES, Feature.SERVICE_BINDINGS, Feature.DURABLE_OBJECTS, Feature.LIMITS}
    assert load(FULL).features() == needed


@pytest.mark.parametrize(("key", "feature"), SELDOM_SERVED.items())
def test_what_few_adapters_serve_is_needed(load, key, feature):
    """A key that wrangler knows is a needed feature, whoever has it; an empty one needs nothing."""
    entry = {"service": "x"} if key == "tail_consumers" else {"binding": "X"}
    assert load({**PLAIN, key: [entry]}).features() == {feature}
    assert load({**PLAIN, key: []}).features() == frozenset()


def test_an_environment_inherits_what_wrangler_says(load):
    """Settings are inherited, vars and bindings are not; what the environment sets itself wins."""
    content = {
        **PLAIN,
        "limits": {"cpu_ms": 10},
        "compatibility_flags": ["a"],
        "migrations": [{"tag": "v1", "new_sqlite_classes": ["Room"]}],
        "placement": {"mode": "smart"},
        "vars": {"TOP": 1},
        "kv_namespaces": [{"binding": "KV"}],
        "env": {"test": {"name": "hello-test", "vars": {"OWN": 2}}, "bare": {}},
    }
    test, bare = load(content, env="test"), load(content, env="bare")
    assert (test.name, test.vars, test.kv_namespaces) == ("hello-test", {"OWN": 2}, ())
    assert (bare.name, bare.vars) == ("hello", {})
    for worker in (test, bare):
        assert worker.limits == Limits(cpu_ms=10)
        assert worker.compatibility_flags == ("a",)
        assert worker.sqlite_classes == {"Room"}
        assert worker.features() == {Feature.PLACEMENT, Feature.LIMITS} | ({Feature.VARS} if worker.vars else set())
    assert load(content).vars == {"TOP": 1}


def test_a_file_without_environments_is_read_as_it_is(load):
    """`env` picks an environment where a file has any."""
    assert load(PLAIN, env="test").name == "hello"


def test_modules_beside_main_come_along(load, tmp_path):
    """Every module below main's folder is part of the Worker, named as it is imported; other files are not."""
    load({**PLAIN, "main": "src/index.mjs"}, main="src/index.mjs")
    source = tmp_path / "worker" / "src"
    (source / "lib").mkdir()
    (source / "lib" / "a.js").write_text("1")
    (source / "b.wasm").write_bytes(b"\0asm")
    (source / "notes.txt").write_text("no")
    worker = load_worker(tmp_path / "worker")
    assert worker.main == "index.mjs"
    assert set(worker.modules) == {"index.mjs", "lib/a.js", "b.wasm"}


def test_another_source_makes_another_version(load):
    """with_source replaces the entry module alone."""
    worker = load(PLAIN)
    other = worker.with_source("export default 1;")
    assert other.modules == {"index.mjs": b"export default 1;"}
    assert worker.modules == {"index.mjs": SOURCE.encode()}
    assert other.name == worker.name


WRONG = {
    "unknown key": ({**PLAIN, "limitz": {}}, "'limitz'", "'limits'"),
    "nested in limits": ({**PLAIN, "limits": {"cpu": 1}}, "'cpu' in limits", "'cpu_ms'"),
    "nested in a list": ({**PLAIN, "kv_namespaces": [{"bindng": "A"}]}, "kv_namespaces[0]", "'binding'"),
    "nested twice": ({**PLAIN, "durable_objects": {"bindings": [{"clas_name": "A"}]}}, "'clas_name'", "'class_name'"),
    "in migrations": ({**PLAIN, "migrations": [{"tag": "1", "new_classses": []}]}, "migrations[0]", "'new_classes'"),
    "in an environment": ({**PLAIN, "env": {"a": {"limitz": {}}}}, "'limitz'", "'limits'"),
    "nested in an environment": ({**PLAIN, "env": {"a": {"limits": {"cpu": 1}}}}, "'cpu'", "'cpu_ms'"),
    "listed in an environment": ({**PLAIN, "env": {"a": {"services": [{"servce": 1}]}}}, "'servce'", "'service'"),
    "an environment in an environment": ({**PLAIN, "env": {"a": {"env": {}}}}, "'env'", "known: "),
    "of another type": ({**PLAIN, "limits": {"cpu_ms": "many"}}, "limits.cpu_ms", "Expected `int | null`"),
    "missing in a list": ({**PLAIN, "services": [{"binding": "A"}]}, "services[0]", "`service`"),
    "no name": ({**PLAIN, "name": ""}, "no 'name'", "add 'name'"),
    "no main": ({key: PLAIN[key] for key in ("name", "compatibility_date")}, "no 'main'", "add 'main'"),
    "no date": ({key: PLAIN[key] for key in ("name", "main")}, "no 'compatibility_date'", "add"),
    "main not there": ({**PLAIN, "main": "indx.mjs"}, "main 'indx.mjs' is not there", "worker/indx.mjs"),
    "main not JavaScript": ({**PLAIN, "main": "wrangler.jsonc"}, "is not JavaScript", ".mjs or .js"),
    "not a name": ({**PLAIN, "name": "Hello World"}, "'Hello World' is not a Worker name", "lower-case"),
    "name that leaves": ({**PLAIN, "name": "../../etc"}, "is not a Worker name", "lower-case"),
    "bad JSON": ('{\n  "name": "a",\n  "main" "b"\n}', ":3", "JSON with comments"),
    "not an object": ("[1]", "holds a list", "an object of settings"),
    "empty file": ("", "cannot be read", "JSON with comments"),
    "vars with NaN": (json.dumps({**PLAIN, "vars": {"A": float("nan")}}), "vars cannot be sent as JSON", "numbers"),
    "vars with a lone surrogate": ({**PLAIN, "vars": {"A": "\ud800"}}, "vars cannot be sent as JSON", "text"),
}


@pytest.mark.parametrize(("content", "named", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(load, content, named, hint):
    """The error names the file, the key and what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        load(content)
    text = str(caught.value)
    assert "wrangler.jsonc" in text
    assert named in text
    assert hint in text


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('name = "a"\nmain = \n', "line 2"),
        (FULL_TOML.replace('TEXT = "a"', "TEXT = 2026-02-01"), "vars cannot be sent as JSON"),
        (FULL_TOML.replace('date = "2026-02-01"', "date = 2026-02-01"), "compatibility_date"),
    ],
)
def test_what_is_wrong_in_toml_is_named(load, content, named):
    """The same for TOML, whose dates are not text."""
    with pytest.raises(ConfigurationError, match=named):
        load(content, file="wrangler.toml")


def test_an_escaped_pair_is_one_character(load):
    """JSON may write a character above U+FFFF as two escapes."""
    assert load(
        '{"name": "a", "main": "index.mjs", "compatibility_date": "2026", "vars": {"A": "\\ud83d\\ude00"}}'
    ).vars == {"A": "\U0001f600"}


def test_a_file_that_is_no_text_is_refused(tmp_path):
    """Bytes that are not UTF-8 are no settings."""
    (tmp_path / "wrangler.jsonc").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_worker(tmp_path)


def test_an_unknown_environment_is_named(load):
    """An environment that a file with environments does not have is refused with the near miss."""
    with pytest.raises(ConfigurationError, match="no environment 'prodction'\n  expected: did you mean 'production'"):
        load({**PLAIN, "env": {"production": {}}}, env="prodction")


def test_a_folder_without_a_file_is_refused(tmp_path):
    """The three names a file may have are listed."""
    with pytest.raises(ConfigurationError, match=r"wrangler\.jsonc, wrangler\.json, wrangler\.toml"):
        load_worker(tmp_path)


def test_names_are_unique_within_an_application(load):
    """Two Workers of one name cannot be told apart; an application has at least one Worker."""
    worker = load(PLAIN)
    with pytest.raises(ConfigurationError, match="both named 'hello'"):
        Application(workers=(worker, worker))
    with pytest.raises(ConfigurationError, match="without Workers"):
        Application(workers=())


def test_a_worker_is_found_by_name(load):
    """A name the application does not have is refused with the near miss."""
    application = Application(workers=(load(PLAIN),))
    assert application.worker("hello").name == "hello"
    with pytest.raises(ConfigurationError, match="did you mean 'hello'"):
        application.worker("helo")
