"""BND-6: a deploy whose binding leads nowhere is refused before anything serves, and the refusal names the binding."""

from __future__ import annotations

from dataclasses import replace

from conformance.mark import requirement
from harness.application import Application
from harness.errors import DeployRefused
from harness.judging import Judge, Launcher


@requirement("BND-6")
def test_missing_service_is_refused(launch: Launcher, judge: Judge) -> None:
    """A service binding to a Worker that does not exist is refused at deploy with a message naming the binding."""
    dangling = launch.application("dangling", env="service")
    absent = replace(launch.application("auth").workers[0], name="absent")
    _judge(launch, judge, "TO_SERVICE", dangling, Application(workers=(*dangling.workers, absent)))


@requirement("BND-6")
def test_missing_entrypoint_is_refused(launch: Launcher, judge: Judge) -> None:
    """A service binding to an entrypoint its Worker does not export is refused at deploy with a message naming the
    binding."""
    dangling, whole = (
        Application(workers=launch.application("dangling", env=env).workers + launch.application("callee").workers)
        for env in ("entrypoint", "entrypoint-present")
    )
    _judge(launch, judge, "TO_ENTRYPOINT", dangling, whole)


@requirement("BND-6")
def test_missing_script_of_a_durable_object_is_refused(launch: Launcher, judge: Judge) -> None:
    """A Durable Object binding into a Worker that does not exist is refused at deploy with a message naming the
    binding."""
    dangling = launch.application("dangling", env="script")
    absent = replace(launch.application("dangling", env="class-present").workers[0], name="absent")
    _judge(launch, judge, "TO_SCRIPT", dangling, Application(workers=(*dangling.workers, absent)))


@requirement("BND-6")
def test_missing_class_is_refused(launch: Launcher, judge: Judge) -> None:
    """A Durable Object binding to a class that is not exported is refused at deploy with a message naming the
    binding."""
    dangling = launch.application("dangling", env="class")
    _judge(launch, judge, "TO_CLASS", dangling, launch.application("dangling", env="class-present"))


def _judge(launch: Launcher, judge: Judge, binding: str, dangling: Application, whole: Application) -> None:
    try:
        launch(whole)
        judge.control(True, expected="the same application with the target present to be served", saw="it is")
    except DeployRefused as refusal:
        judge.control(False, expected="the same application with the target present to be served", saw=refusal.happened)
    try:
        launch(dangling)
    except DeployRefused as refusal:
        judge.saw("the refusal", refusal.happened)
        judge.promise(binding in refusal.happened, expected=f"a refusal that names {binding}", saw=refusal.happened)
    else:
        judge.promise(False, expected=f"a refusal that names {binding}", saw="the application is served")
