"""BND-1, BND-5: what is in env, and what is not: each binding under its name, of its kind, and no way to what lies
behind."""

from __future__ import annotations

import re
from typing import Any

from conformance.asking import ask
from conformance.mark import requirement
from harness.application import Application
from harness.judging import Judge, Launcher
from harness.runtime import Instance

VARS: dict[str, Any] = {
    "TEXT": "a text",
    "EMPTY": "",
    "LOOKS_LIKE_JSON": '{"but": "is text"}',
    "NUMBER": 12.5,
    "FLAG": False,
    "NOTHING": None,
    "LIST": [1, "two", None, [True]],
    "NESTED": {"deep": {"deeper": [{"deepest": "a text"}]}, "": "empty key"},
}
"""What conformance/workers/bound/wrangler.jsonc says."""


@requirement("BND-1")
def test_vars_are_properties_of_env(launch: Launcher, judge: Judge) -> None:
    """Each of `vars` is a property of env with the value the configuration gives it: text stays text, JSON is a
    value."""
    seen = ask(launch("bound"), "bound", "/vars")
    judge.saw("env", seen)
    wrong = {name: seen.get(name, "absent") for name, value in VARS.items() if not _same(seen.get(name, ...), value)}
    judge.promise(not wrong, expected=str({name: VARS[name] for name in wrong}), saw=wrong)


@requirement("BND-1")
def test_service_is_a_property_of_env(launch: Launcher, judge: Judge) -> None:
    """A service binding is a property of env with a fetch() that the service answers."""
    instance = launch(_application(launch, "service", "auth"))
    _judge_kind(judge, instance, "BACKEND", ("fetch",))
    answer = ask(instance, "bound", "/service", query={"binding": "BACKEND"})
    judge.saw("the service's answer", answer)
    judge.promise(answer.get("worker") == "auth", expected="an answer of the bound Worker 'auth'", saw=answer)


@requirement("BND-1")
def test_kv_namespace_is_a_property_of_env(launch: Launcher, judge: Judge) -> None:
    """A KV binding is a property of env that gets what was put, and null for what was not or was deleted."""
    instance = launch("bound", env="kv")
    _judge_kind(judge, instance, "STORE", ("get", "put", "delete"))
    target = {"binding": "STORE", "key": "a key"}
    values = [
        ask(instance, "bound", "/kv", query=target)["value"],
        ask(instance, "bound", "/kv", query=target, method="PUT", body=b"a value")["value"],
        ask(instance, "bound", "/kv", query=target)["value"],
        ask(instance, "bound", "/kv", query=target, method="DELETE")["value"],
    ]
    judge.saw("before, at the put, after it, after the delete", values)
    judge.promise(values == [None, "a value", "a value", None], expected="null, the value twice, null", saw=values)


@requirement("BND-1")
def test_durable_object_namespace_is_a_property_of_env(launch: Launcher, judge: Judge) -> None:
    """A Durable Object binding is a property of env that makes ids and gets objects, each with storage of its own."""
    instance = launch("bound", env="objects")
    _judge_kind(judge, instance, "SHELVES", ("idFromName", "idFromString", "newUniqueId", "get"))
    one, two = ({"binding": "SHELVES", "name": name, "key": "k"} for name in ("one", "two"))
    values = [
        ask(instance, "bound", "/object", query=one, method="PUT", body=b"a value")["value"],
        ask(instance, "bound", "/object", query=one)["value"],
        ask(instance, "bound", "/object", query=two)["value"],
    ]
    judge.saw("at the put, the same object, another object", values)
    judge.promise(
        values == ["a value", "a value", None], expected="the value twice, and null from the other", saw=values
    )


@requirement("BND-1")
def test_env_has_nothing_but_vars(launch: Launcher, judge: Judge) -> None:
    """Of a Worker with vars alone, env has exactly these properties."""
    _judge_names(judge, launch("bound"), set(VARS))


@requirement("BND-1")
def test_env_has_nothing_but_the_service(launch: Launcher, judge: Judge) -> None:
    """Of a Worker with a service binding, env has exactly the configured properties."""
    _judge_names(judge, launch(_application(launch, "service", "auth")), {"TEXT", "BACKEND"})


@requirement("BND-1")
def test_env_has_nothing_but_the_kv_namespace(launch: Launcher, judge: Judge) -> None:
    """Of a Worker with a KV binding, env has exactly the configured properties."""
    _judge_names(judge, launch("bound", env="kv"), {"TEXT", "STORE"})


@requirement("BND-1")
def test_env_has_nothing_but_the_durable_objects(launch: Launcher, judge: Judge) -> None:
    """Of a Worker with a Durable Object binding, env has exactly the configured properties."""
    _judge_names(judge, launch("bound", env="objects"), {"TEXT", "SHELVES"})


@requirement("BND-5")
def test_nothing_of_the_service_shows_in_env(launch: Launcher, judge: Judge) -> None:
    """No text to be found in env, down to the functions of a service binding, tells where the service is or how to
    get in."""
    instance = launch(_application(launch, "service", "auth"))
    port = instance.url("auth").rpartition(":")[2]
    _judge_texts(judge, instance, "BACKEND", (port,))


@requirement("BND-5")
def test_nothing_of_the_namespace_shows_in_env(launch: Launcher, judge: Judge) -> None:
    """No text to be found in env, down to the functions of a KV binding, tells the namespace's id, place or
    credentials."""
    instance = launch("bound", env="kv")
    ask(instance, "bound", "/kv", query={"binding": "STORE", "key": "k"}, method="PUT", body=b"v")
    _judge_texts(judge, instance, "STORE", ("isomark-common-shelf",))


@requirement("BND-5")
def test_nothing_of_the_objects_shows_in_env(launch: Launcher, judge: Judge) -> None:
    """No text to be found in env, down to the functions of a Durable Object binding, tells where objects are kept."""
    instance = launch("bound", env="objects")
    ask(instance, "bound", "/object", query={"binding": "SHELVES", "name": "n", "key": "k"}, method="PUT", body=b"v")
    _judge_texts(judge, instance, "SHELVES", ())


@requirement("BND-5")
def test_vars_bring_nothing_of_the_platform(launch: Launcher, judge: Judge) -> None:
    """The env of a Worker that has vars alone holds no address, path or credential."""
    _judge_texts(judge, launch("bound"), "NESTED", ())


def _application(launch: Launcher, env: str, *others: str) -> Application:
    """The probe in one of its environments, with other probes beside it."""
    return Application(workers=launch.application("bound", env=env).workers + launch.application(*others).workers)


def _same(seen: object, value: object) -> bool:
    """Equal, and of the same kind: to Python, False is 0."""
    return seen == value and isinstance(seen, bool) == isinstance(value, bool)


def _judge_kind(judge: Judge, instance: Instance, binding: str, members: tuple[str, ...]) -> None:
    kind = ask(instance, "bound", "/kind", query={"binding": binding, "members": ",".join(members)})
    judge.saw(f"env.{binding}", kind)
    judge.promise(not kind["missing"], expected=f"env.{binding} with {', '.join(members)}", saw=kind)


def _judge_names(judge: Judge, instance: Instance, expected: set[str]) -> None:
    names = ask(instance, "bound", "/names")
    judge.saw("properties of env, by each way of listing them", names)
    wrong = {way: sorted(set(listed) ^ expected) for way, listed in names.items() if set(listed) != expected}
    judge.promise(not wrong, expected=f"exactly {sorted(expected)}", saw=f"too many or too few: {wrong}")


_ADDRESS = re.compile(r"\b127\.\d+\.\d+\.\d+|\[::1?\]|\blocalhost\b")
_TELLING = {
    "an address": re.compile(r"\w:\d{2,5}\b"),
    "a connection string": re.compile(r"\b[a-z][a-z0-9+.-]*://\S", re.IGNORECASE),
    "a path of the machine": re.compile(r"(?:^|[\s\"'=(])/[a-z]+/\S"),
    "a credential's name": re.compile(r"(api|access)_?key|secret|token|passw(or)?d|credential|bearer", re.IGNORECASE),
}
"""What a property's name or value may not look like. In the source of a function it may stand for something else."""


def _judge_texts(judge: Judge, instance: Instance, binding: str, secrets: tuple[str, ...]) -> None:
    """`secrets`: what tells this very resource, nowhere to be found in env."""
    walk = ask(instance, "bound", "/walk")
    texts: list[str] = walk["texts"]
    judge.saw(
        "objects and functions walked, and functions with a source to read", [walk["values"], len(walk["sources"])]
    )
    judge.saw("texts found", sorted(texts)[:100])
    judge.control(binding in texts, expected=f"the walk to come by env.{binding}", saw=f"{len(texts)} texts")
    own_port = instance.url("bound").rpartition(":")[2]
    told = {label: [text[:200] for text in texts if pattern.search(text)] for label, pattern in _TELLING.items()}
    told["the resource's own id or port, or an address of loopback"] = [
        text[:200]
        for text in texts + walk["sources"]
        if _ADDRESS.search(text) or any(secret in text for secret in (*secrets, own_port))
    ]
    found = {label: values for label, values in told.items() if values}
    judge.promise(not found, expected="no address, id, path, connection string or credential in env", saw=found)
