"""Throughput of large bodies: streamed by the Worker, streamed to it, and both ways at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from harness.errors import UsageError
from harness.load_results import Point
from loadgen.engine import Check, Endpoint, One, get
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import EngineTurn
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import CellPlan, Plan, Scenario
from loadgen.scenarios.under_test import UnderTest

MIB = 1 << 20
MOST_BYTES = 64 * MIB
"""What the engine keeps of a body that it compares."""

TIMEOUT_S = 60.0

QUICK = Extent(launches=3, rounds=1, seconds=1.0, warm_up_s=0.5, points=(MIB, 16 * MIB))
FULL = Extent(launches=10, rounds=2, seconds=2.0, warm_up_s=0.5, points=(MIB, 16 * MIB, 64 * MIB))

_PERIOD = bytes((place ^ (place >> 8)) & 255 for place in range(65_536))


class _Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bytes: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """Which way the bytes go."""

    name: str
    title: str
    requests: Callable[[Endpoint, int], One]
    what: str
    verified: str


def body_of(size_bytes: int) -> bytes:
    """The bytes that the streams Worker sends, and wants to be sent."""
    return (_PERIOD * (size_bytes // len(_PERIOD) + 1))[:size_bytes]


def _down(endpoint: Endpoint, size_bytes: int) -> One:
    return One(get(endpoint, f"/down?bytes={size_bytes}"), Check(body=body_of(size_bytes)))


def _up(endpoint: Endpoint, size_bytes: int) -> One:
    return One(_post(endpoint, "/count", body_of(size_bytes)), Check(body_check=lambda body: _count(body, size_bytes)))


def _echo(endpoint: Endpoint, size_bytes: int) -> One:
    body = body_of(size_bytes)
    return One(_post(endpoint, "/echo", body), Check(body=body))


def _post(endpoint: Endpoint, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nContent-Type: application/octet-stream\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


def _count(body: bytes, size_bytes: int) -> str | None:
    """The Worker counted all bytes, and found none in a wrong place."""
    try:
        counted = msgspec.json.decode(body, type=_Counted)
    except msgspec.MsgspecError:
        return "not-a-count"
    return None if (counted.bytes, counted.wrong) == (size_bytes, 0) else "miscounted"


WAYS = (
    Way(
        name="down",
        title="response",
        requests=_down,
        what="a response body that the Worker makes as a stream of 64 KiB pieces",
        verified="every byte compared by the client",
    ),
    Way(
        name="up",
        title="request",
        requests=_up,
        what="a request body that the Worker reads as a stream",
        verified="the Worker counts the bytes and compares the first and the last one of each piece it is given with "
        "what belongs there",
    ),
    Way(
        name="echo",
        title="both ways",
        requests=_echo,
        what="a request body that the Worker sends back as its response; MB are of the one way",
        verified="every byte compared by the client",
    ),
)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    for size_bytes in extent.points:
        if size_bytes > MOST_BYTES:
            raise UsageError(f"a body of {size_bytes} bytes is not compared", expected=f"at most {MOST_BYTES} bytes")
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(way, size_bytes),
                title=f"{way.title}, {size_bytes / MIB:g} MiB ({tested.name})",
                what=f"One request after the other on one connection, with {way.what}.",
                verified=way.verified,
                point=Point(name="bytes", value=size_bytes),
                body_bytes=size_bytes,
            )
            for way in WAYS
            for size_bytes in extent.points
        )
    )


def mode_of(way: Way, size_bytes: int) -> str:
    return f"{way.name}-{size_bytes}"


def start(bench: Bench, plan: Plan) -> Sequence[EngineTurn]:
    endpoint = endpoint_of(bench.launch([probes.worker("streams")]), "streams")
    return [_turn(bench, endpoint, way, size_bytes) for way in WAYS for size_bytes in bench.extent.points]


def _turn(bench: Bench, endpoint: Endpoint, way: Way, size_bytes: int) -> EngineTurn:
    return EngineTurn(
        mode=mode_of(way, size_bytes),
        endpoint=endpoint,
        requests=lambda: way.requests(endpoint, size_bytes),
        seconds=bench.extent.seconds,
        warm_up_s=bench.extent.warm_up_s,
        timeout_s=TIMEOUT_S,
    )


SCENARIO = Scenario(
    name="streaming",
    about="throughput of large bodies: streamed by the Worker, to it, and both ways",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
)
