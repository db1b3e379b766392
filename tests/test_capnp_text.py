"""Whatever stands in a wrangler file reaches the engine as it was: workerd itself reads the quoted text back."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import toolchain
from harness.adapters.workerd import capnp
from harness.application import Application
from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Conditions, Request

ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHARP = st.text(st.sampled_from("\"'\\\n\r\t\0\x01\x1f\x7f\x80\u2028é漢😀 x0aF{}()[]=,;#$"), max_size=40)

ECHO = """
const texts = (env) => Object.keys(env).sort().map((key) => env[key]);
export default { fetch: (request, env) => Response.json(texts(env)) };
"""

NASTY = [
    *('a "quoted" word', "back\\slash", "\\", '\\"', "\\x41", "\\n", "\n", "\r\n", "\t", "\x01\x02\x1f", "\x7f"),
    *(
        "\x80\x9f",
        "\u2028\u2029",
        "\ufeff",
        "é漢字😀",
        "\U0010ffff",
        "# no comment",
        "), (",
        '"), (name = "X", text = "',
    ),
    *("${HOME}", "'", "", "a" * 5000, "\x1b[31m", "\\u0041", "\x0bff", "trailing\\"),
]


def compiled(tmp_path, values):
    """What `workerd compile --config-only` makes of a configuration with one text binding for each value."""
    bindings = ", ".join(
        f"(name = {capnp.text(f'V{i}')}, text = {capnp.text(value)})" for i, value in enumerate(values)
    )
    config = tmp_path / "values.capnp"
    config.write_text(
        'using Workerd = import "/workerd/workerd.capnp";\n'
        'const config :Workerd.Config = (services = [(name = "w", worker = (serviceWorkerScript = "", '
        f'compatibilityDate = "2026-02-01", bindings = [{bindings}]))]);\n',
        encoding="utf-8",
    )
    command = [toolchain.workerd(), "compile", "--config-only", config]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


@settings(max_examples=12, deadline=None)
@given(st.lists(ENCODABLE | SHARP, min_size=30, max_size=120))
def test_the_engine_reads_any_text_back(tmp_path_factory, values):
    """The compiled configuration holds each value's own bytes, whatever characters it has."""
    done = compiled(tmp_path_factory.mktemp("capnp"), values)
    assert done.returncode == 0, done.stderr.decode()
    missing = [value for value in values if value.encode() + b"\0" not in done.stdout]
    assert missing == []


def test_the_engine_hands_any_text_to_the_worker(tmp_path):
    """A Worker's vars are what the wrangler file says, through quoting, compiling and the engine."""
    application, _ = project(tmp_path, source=ECHO, vars={f"V{i:03}": value for i, value in enumerate(NASTY)})
    with resolve("workerd").launch(application) as instance:
        assert instance.fetch("hello", Request()).json() == NASTY


@given(ENCODABLE | SHARP)
def test_a_literal_is_one_line_and_ends_where_it_should(value):
    """No character of the text can end the literal or the line."""
    literal = capnp.text(value)
    assert literal[0] == literal[-1] == '"'
    assert "\n" not in literal
    inner = literal[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner


def test_module_names_and_ids_are_quoted(tmp_path):
    """Names that come from files and settings cannot break out of the configuration either."""
    application, _ = project(tmp_path, kv_namespaces=[{"binding": 'K"V', "id": '"), (name = "x'}])
    worker = application.workers[0]
    layout = capnp.Layout(folder=tmp_path / "instance")
    layout.code.mkdir(parents=True)
    capnp.write_modules(Application(workers=(worker,)), layout)
    text = capnp.render(application, Conditions(), layout)
    layout.config.write_text(text, encoding="utf-8")
    command = [toolchain.workerd(), "compile", "--config-only", layout.config]
    done = subprocess.run(command, cwd=layout.folder, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert b'K"V\0' in done.stdout


@pytest.mark.parametrize("identifier", ["../../etc", "/etc", "a/b", ""])
def test_a_namespace_id_cannot_leave_its_folder(tmp_path, identifier):
    """A KV namespace's files lie below the instance's own folder, whatever its id."""
    assert capnp.Layout(folder=tmp_path).kv(identifier).resolve().parent == (tmp_path / "kv").resolve()
