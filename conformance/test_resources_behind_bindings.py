"""BND-2, BND-4: the configuration alone decides which resource a name in env stands for, and who shares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.asking import ask
from conformance.bound import SHELF, STORE, read, together, write
from conformance.mark import requirement
from harness.application import Application
from harness.judging import Judge, Launcher
from harness.runtime import Instance


@requirement("BND-2")
def test_same_code_with_another_kv_namespace(launch: Launcher, judge: Judge) -> None:
    """The same modules, deployed with the binding pointed at another KV namespace, work on that one's data."""
    application = together(launch, "kv", "kv-apart")
    instance = launch(application)
    _control_same_code(judge, application)
    values = _put_and_read(instance, "/kv", STORE, ("bound", "apart"))
    judge.saw("what each deployment reads back", values)
    expected = {"bound": "from bound", "apart": "from apart"}
    judge.promise(values == expected, expected="each deployment to read what it wrote itself", saw=values)


@requirement("BND-2")
def test_same_code_with_another_service(launch: Launcher, judge: Judge) -> None:
    """The same modules, deployed with the binding pointed at another Worker, a mock for instance, are answered by
    that one."""
    application = together(launch, "service", "service-apart", others=("auth", "neighbour"))
    instance = launch(application)
    _control_same_code(judge, application)
    answers = {name: ask(instance, name, "/service", query={"binding": "BACKEND"}) for name in ("bound", "apart")}
    judge.saw("who answered each deployment", answers)
    judge.promise(
        answers["bound"].get("worker") == "auth" and "served" in answers["apart"],
        expected="'auth' to answer the one and 'neighbour' the other",
        saw=answers,
    )


@requirement("BND-2")
def test_same_code_with_other_durable_objects(launch: Launcher, judge: Judge) -> None:
    """The same modules, deployed with the binding pointed at another Durable Object namespace, work on that one's
    objects."""
    application = together(launch, "objects", "objects-apart")
    instance = launch(application)
    _control_same_code(judge, application)
    values = _put_and_read(instance, "/object", SHELF, ("bound", "apart"))
    judge.saw("what each deployment reads back", values)
    expected = {"bound": "from bound", "apart": "from apart"}
    judge.promise(values == expected, expected="each deployment to read what it wrote itself", saw=values)


@requirement("BND-4")
def test_one_kv_namespace_is_shared(launch: Launcher, judge: Judge) -> None:
    """Two Workers bound to one KV namespace read what the other wrote."""
    instance = launch(together(launch, "kv", "kv-sharer"))
    _judge_shared(judge, instance, "/kv", STORE)


@requirement("BND-4")
def test_two_kv_namespaces_are_two(launch: Launcher, judge: Judge) -> None:
    """Two Workers bound to different KV namespaces do not see each other's values under the same key and binding
    name."""
    instance = launch(together(launch, "kv", "kv-apart"))
    _judge_separate(judge, instance, "/kv", STORE)


@requirement("BND-4")
def test_one_durable_object_is_shared(launch: Launcher, judge: Judge) -> None:
    """A Worker bound to another Worker's Durable Object class reaches the same objects, both ways."""
    instance = launch(together(launch, "objects", "objects-sharer"))
    _judge_shared(judge, instance, "/object", SHELF)


@requirement("BND-4")
def test_two_durable_object_namespaces_are_two(launch: Launcher, judge: Judge) -> None:
    """Two Workers with a Durable Object class of the same name each have objects of their own under the same object
    name."""
    instance = launch(together(launch, "objects", "objects-apart"))
    _judge_separate(judge, instance, "/object", SHELF)


def _control_same_code(judge: Judge, application: Application) -> None:
    first, second = application.workers[:2]
    same = dict(first.modules) == dict(second.modules)
    judge.control(same, expected="both deployments to be made of the same bytes", saw=sorted(second.modules))


def _put_and_read(instance: Instance, path: str, target: Mapping[str, str], workers: tuple[str, ...]) -> dict[str, Any]:
    for worker in workers:
        write(instance, worker, path, target, f"from {worker}")
    return {worker: read(instance, worker, path, target) for worker in workers}


def _judge_shared(judge: Judge, instance: Instance, path: str, target: Mapping[str, str]) -> None:
    seen = {}
    for writer, reader in (("bound", "sharer"), ("sharer", "bound")):
        write(instance, writer, path, target, f"from {writer}")
        seen[f"{reader} reads"] = read(instance, reader, path, target)
    judge.saw("what each reads of the other", seen)
    expected = {"sharer reads": "from bound", "bound reads": "from sharer"}
    judge.promise(seen == expected, expected="each to read what the other wrote", saw=seen)


def _judge_separate(judge: Judge, instance: Instance, path: str, target: Mapping[str, str]) -> None:
    write(instance, "bound", path, target, "from bound")
    own, other = (read(instance, worker, path, target) for worker in ("bound", "apart"))
    judge.control(own == "from bound", expected="the writer to read its own value", saw=own)
    judge.saw("what the other one reads", other)
    judge.promise(other is None, expected="null: nothing under that name", saw=other)
