"""The control plane of the reference runtime: what it makes of what the isolate host says. The host is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.reference.control.bodies import InlineBody
from tests.control_plane import Plane
from tests.http_peers import on_a_loop


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
