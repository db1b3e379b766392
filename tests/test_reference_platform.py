"""The control plane of the reference runtime: what it makes of what the isolate host says. The host is played."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.adapters.reference.control.bodies import InlineBody
from harness.adapters.reference.control.platform import RESULT, TIMER
from harness.runtime import Outcome
from tests.control_plane import Plane, response
from tests.http_peers import on_a_loop, until


@pytest.mark.parametrize("how", ["busy", "dead"])
@on_a_loop
async def test_a_request_that_begins_elsewhere_has_its_body(tmp_path: Path, how: str) -> None:
    """An isolate gives it back, at capacity or dead: the next one is given all of its bytes, however often."""
    plane = Plane(tmp_path)
    deployment = plane.deployed()
    invocation, _ = plane.begin(deployment, InlineBody(b"hello"))
    request = invocation.request_id
    for isolate in (1, 2, 3):
        plane.ready(isolate)
        assert plane.beginnings()[-1] == (isolate, request, b"hello")
        if how == "busy":
            plane.hear("busy", isolate, [request])
        else:
            plane.hear("dead", isolate, "exceededMemory", None, 0, [request])
    assert len(plane.beginnings()) == 3


@on_a_loop
async def test_what_is_posted_for_a_request_that_is_over_reaches_nobody_else(tmp_path: Path) -> None:
    """One waits for what only the other does, has hung, and is over: then the other answers for it, and for itself."""
    plane = Plane(tmp_path)
    deployment = plane.deployed()
    (first, to_first), (second, to_second) = plane.begin(deployment), plane.begin(deployment)
    plane.ready(1)
    plane.turn(first, isolate=1)
    assert to_first.said == [("failed", "exception")]
    late = [response(first, {"text": "first"}), ["fail", first.request_id, {"name": "Error", "message": "late"}]]
    asks = ["op", first.request_id, 1, "outbound", "fetch", [], None]
    done = [response(second, {"text": "second"}), ["done", second.request_id]]
    plane.turn(second, *late, asks, ["done", first.request_id], *done, isolate=1)
    assert to_first.said == [("failed", "exception")]
    assert to_second.said == [("responded", 200)]
    assert to_second.body is not None
    assert await to_second.body.read() == b"second"
    assert [record.outcome.value for record in plane.records()] == ["exception", "ok"]
    assert not second.exceptions
    assert not second.tasks


@on_a_loop
async def test_what_a_request_that_is_over_does_for_another_counts(tmp_path: Path) -> None:
    """Its client hung up, and it was ended meanwhile; in its last turn another one got what it waits for."""
    plane = Plane(tmp_path)
    deployment = plane.deployed()
    (first, to_first), (second, _) = plane.begin(deployment), plane.begin(deployment)
    plane.ready(1)
    first.active = 1  # it has set a timer
    plane.platform.finish(second, Outcome.CANCELED)
    plane.turn(second, response(first, {"text": "first"}), ["done", first.request_id], isolate=1)
    assert to_first.said == [("responded", 200)]
    assert first.over


@on_a_loop
async def test_what_nobody_in_particular_logs_is_the_turn_s(tmp_path: Path) -> None:
    """A finalizer's line, say; once that request is over it is lost."""
    plane = Plane(tmp_path)
    invocation, _ = plane.begin(plane.deployed())
    plane.ready(1)
    plane.turn(invocation, ["log", 0, "log", "kept"], ["done", invocation.request_id], isolate=1)
    plane.turn(invocation, ["log", 0, "log", "lost"], isolate=1, kind=TIMER)
    assert invocation.logs == [{"level": "log", "message": ["kept"]}]


@pytest.mark.parametrize(
    ("last", "outcome"), [("end", "ok"), ("fail", "ok"), ("write", "exception")], ids=["whole", "failed", "unfinished"]
)
@on_a_loop
async def test_a_body_that_is_over_does_not_hang(tmp_path: Path, last: str, outcome: str) -> None:
    """What a handler leaves behind is never kept; that makes an exception of a request only when its body hangs too."""
    plane = Plane(tmp_path)
    invocation, answered = plane.begin(plane.deployed())
    plane.ready(1)
    asks = ["op", invocation.request_id, 1, "body", last, [7], None]
    plane.turn(invocation, response(invocation, {"guest": 7}), asks, isolate=1)
    await until(lambda: plane.results() == [1])
    assert answered.said == [("responded", 200)]
    plane.turn(invocation, isolate=1, kind=RESULT)
    assert [record.outcome.value for record in plane.records()] == [outcome]


@on_a_loop
async def test_nothing_is_left_of_a_version_that_was_replaced(tmp_path: Path) -> None:
    """Another isolate of it was still starting, for a request that found room in the first one after all."""
    plane = Plane(tmp_path)
    old = plane.deployed()
    first, _ = plane.begin(old)
    plane.ready(1)
    plane.hear("busy", 1, [])
    second, _ = plane.begin(old)
    redeploying = asyncio.create_task(plane.deployer.redeploy(plane.worker()))
    await asyncio.sleep(0)
    plane.ready(3)  # where the new version is tried out
    await redeploying
    plane.turn(first, response(first), ["done", first.request_id], isolate=1)
    assert [(isolate, request) for isolate, request, _ in plane.beginnings()] == [(1, 1), (1, 2)]
    plane.ready(2)
    plane.turn(second, response(second), ["done", second.request_id], isolate=1)
    assert sorted(number for _, number in plane.of_kind("kill")) == [1, 2, 3]


@on_a_loop
async def test_redeploys_at_once_leave_one_version(tmp_path: Path) -> None:
    """The one in the middle served for a moment: its isolates end as those of the first one do."""
    plane = Plane(tmp_path)
    first = plane.deployed()
    redeploys = [asyncio.create_task(plane.deployer.redeploy(plane.worker())) for _ in range(2)]
    await asyncio.sleep(0)
    plane.ready(1)
    await redeploys[0]
    middle = plane.platform.deployment("one")
    plane.ready(2)
    await redeploys[1]
    assert [first.pool.retired, middle.pool.retired] == [True, True]
    assert not plane.platform.deployment("one").pool.retired
