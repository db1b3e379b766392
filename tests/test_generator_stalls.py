"""The theory of a server that stalls by schedule, against a simulation, and the server itself."""

from __future__ import annotations

import contextlib
import math
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RuntimeDied
from loadgen.connection import HOST, Connection, get
from loadgen.generator_benchmark import targets
from loadgen.generator_benchmark.profiles import STALLS
from loadgen.generator_benchmark.scheduled_server import BODY
from loadgen.generator_benchmark.stalls import StallSchedule

NEVER = StallSchedule(period_ms=1_000, stall_ms=0)


def simulated_ms(schedule: StallSchedule, *, gap_ms: float, periods: int, offset_ms: float) -> list[float]:
    """Response times of requests due every `gap_ms`, on a server that answers at once unless it stands still."""
    found = []
    for number in range(round(schedule.period_ms * periods / gap_ms)):
        left_ms = schedule.period_ms - (number * gap_ms + offset_ms) % schedule.period_ms
        found.append(left_ms if left_ms <= schedule.stall_ms else 0.0)
    return sorted(found)


def test_theory_of_the_schedule_that_is_used() -> None:
    assert [STALLS.response_ms(fraction) for fraction in (0.5, 0.9, 0.95, 0.99, 0.999, 1)] == pytest.approx(
        [0, 0, 100, 180, 198, 200]
    )


@given(
    st.integers(100, 3_000),
    st.floats(0.01, 0.9),
    st.integers(1, 5),
    st.floats(0, 5_000),
    st.floats(0.5, 0.9999),
)
def test_theory_is_what_a_simulation_shows_within_one_arrival(
    period_ms: int, stalled: float, periods: int, offset_ms: float, fraction: float
) -> None:
    schedule = StallSchedule(period_ms=period_ms, stall_ms=period_ms * stalled)
    responses = simulated_ms(schedule, gap_ms=1, periods=periods, offset_ms=offset_ms)
    rank = max(1, math.ceil(fraction * len(responses) - 1e-9))
    # Each period has one arrival more or less in its stall, and the ranks move by so many.
    assert responses[rank - 1] == pytest.approx(schedule.response_ms(fraction), abs=2.5)


@pytest.mark.parametrize(("period_ms", "stall_ms"), [(100, 100), (100, 101), (100, -1), (0, 0)])
def test_a_schedule_that_cannot_be_is_refused(period_ms: float, stall_ms: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        StallSchedule(period_ms=period_ms, stall_ms=stall_ms)


def some_cpu() -> int:
    return min(os.sched_getaffinity(0))


def test_the_server_stands_still_by_its_schedule() -> None:
    """In a closed loop one request in each stall waits for nearly all of it; a server that never stalls makes none."""
    schedule = StallSchedule(period_ms=600, stall_ms=500)
    with targets.scheduled(some_cpu(), schedule) as target:
        connection = Connection(target.port)
        request = get(target.port, "/")
        waited = 0
        for _ in range(100_000):
            waited += connection.exchange(request).elapsed_ns > schedule.stall_ms / 2 * 1e6
            if waited == 3:
                break
        connection.close()
    assert waited == 3


def test_the_server_counts_what_it_served() -> None:
    with targets.scheduled(some_cpu(), NEVER) as target:
        connection = Connection(target.port)
        before = target.served()
        bodies = {connection.exchange(get(target.port, "/")).body for _ in range(17)}
        assert (bodies, target.served() - before, target.served() - before) == ({BODY}, 17, 17)
        connection.close()


def test_a_request_in_pieces_is_one_request() -> None:
    with targets.scheduled(some_cpu(), NEVER) as target, socket.create_connection((HOST, target.port), 30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = target.served()
        for piece in (b"GE", b"T / HTTP/1.1\r\nHost: x\r", b"\n\r\n"):
            client.sendall(piece)
            target.served()  # the server has seen the piece by now
        assert client.recv(4096).endswith(BODY)
        assert target.served() - before == 1


def test_what_is_no_request_is_hung_up_on_and_others_are_served() -> None:
    with targets.scheduled(some_cpu(), NEVER) as target:
        for junk in (b"POST / HTTP/1.1\r\n\r\n", b"\x00" * 20, b"GET / " + b"x" * (1 << 17)):
            with socket.create_connection((HOST, target.port), 30) as client:
                client.sendall(junk)
                with contextlib.suppress(ConnectionResetError):  # there was more than the server cared to read
                    assert client.recv(10) == b""
        assert target.served() == 0
        target.require_answer()


def test_a_target_that_is_gone_is_said_to_be() -> None:
    with targets.scheduled(some_cpu(), NEVER) as target:
        target._process.stop()
        with pytest.raises(RuntimeDied, match="server that stalls 0 ms every 1000 ms"):
            target.served()
