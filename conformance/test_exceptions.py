"""ISO-7: what an exception, a rejection or a start that fails does to the Worker itself and to its neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.asking import ask
from conformance.mark import requirement
from harness.errors import DeployRefused, RuntimeDied, Unanswered
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Request

THROWN = ("throw", "reject", "recurse")
"""What ends a request with an error: an exception, a rejected promise, a stack that overflows."""

STRAY = ("stray-rejection", "reject-behind")
"""A rejection that nobody handles, while the request is answered and after it was."""


@requirement("ISO-7")
def test_exceptions_stay_inside(launch: Launcher, judge: Judge) -> None:
    """Exceptions, rejections and rejections nobody handles in one Worker leave the other one's isolate serving."""
    instance = launch("lifecycle", "neighbour")
    before = ask(instance, "neighbour", "/")
    statuses = {way: [_status(instance, f"/{way}") for _ in range(3)] for way in (*THROWN, *STRAY)}
    judge.saw("answers of the failing Worker", statuses)
    errors = {way: statuses[way] for way in THROWN}
    judge.control(
        all(status >= 500 for each in errors.values() for status in each),
        expected="an error answer to a request that throws",
        saw=errors,
    )
    _judge_neighbour(judge, instance, before)


@requirement("ISO-7")
def test_throwing_timer_stays_inside(launch: Launcher, judge: Judge) -> None:
    """A timer's callback that throws, where no handler catches it, leaves the other Worker's isolate serving."""
    instance = launch("lifecycle", "neighbour")
    before = ask(instance, "neighbour", "/")
    _control_failing(judge, instance)
    try:
        judge.saw("answer of the failing Worker", _status(instance, "/throw-in-timer"))
    except RuntimeDied as error:  # the neighbour will tell whether that was all of it
        judge.saw("the failing Worker", error.happened)
    _judge_neighbour(judge, instance, before)


@requirement("ISO-7")
@pytest.mark.parametrize("way", [*THROWN, *STRAY])
def test_failing_worker_recovers(launch: Launcher, judge: Judge, way: str) -> None:
    """A Worker that failed in a request answers its next request."""
    _judge_recovery(launch("lifecycle"), judge, f"/{way}")


@requirement("ISO-7")
def test_worker_with_a_throwing_timer_recovers(launch: Launcher, judge: Judge) -> None:
    """A Worker with a timer's callback that threw, where no handler catches it, answers its next request."""
    _judge_recovery(launch("lifecycle"), judge, "/throw-in-timer")


@requirement("ISO-7")
def test_failed_start_stays_inside(launch: Launcher, judge: Judge) -> None:
    """Deploying a Worker that throws when it starts is refused or fails alone; its neighbour's isolate serves on."""
    instance = launch("lifecycle", "neighbour", redeployable=("lifecycle",))
    before = ask(instance, "neighbour", "/")
    broken = launch.application("lifecycle").worker("lifecycle").with_source("throw new Error('the start fails');")
    try:
        instance.redeploy(broken)
        judge.saw("the deploy", f"accepted; a request to it: {_status(instance, '/isolate')}")
    except DeployRefused as refusal:
        judge.saw("the deploy", f"refused: {refusal.happened}")
    _judge_neighbour(judge, instance, before)


def _control_failing(judge: Judge, instance: Instance) -> None:
    """An exception is one here: what would otherwise be judged is a runtime that never runs the code."""
    thrown = _status(instance, "/throw")
    judge.control(thrown >= 500, expected="an error answer to a request that throws", saw=thrown)


def _judge_recovery(instance: Instance, judge: Judge, path: str) -> None:
    _control_failing(judge, instance)
    judge.saw("answer to the failing request", _status(instance, path))
    status = _status(instance, "/isolate")
    judge.promise(status == 200, expected="status 200 for the next request", saw=f"status {status}")


def _judge_neighbour(judge: Judge, instance: Instance, before: dict[str, Any]) -> None:
    after = ask(instance, "neighbour", "/")
    judge.saw("the neighbour, before and after", [before, after])
    expected = {**before, "served": before["served"] + 1}
    judge.promise(after == expected, expected="the neighbour's own isolate to answer on", saw=after)


def _status(instance: Instance, path: str) -> int:
    """The status, with 599 for a connection that broke off: an error answer too."""
    try:
        return instance.fetch("lifecycle", Request(path=path)).status
    except Unanswered:
        if not instance.alive():
            raise
        return 599
