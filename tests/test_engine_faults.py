"""Targets that misbehave: each fault is counted under its class, ends no run, and the schedule goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loadgen.arrivals import Constant
from loadgen.engine import Check, Endpoint, Engine, LoadPlan, One, Tally, get
from loadgen.engine.errors import ErrorClass
from tests.engine_targets import HELLO, OK, Gone, Peer, answering, ending_with, refusing, serving, silent

MOST_TRIES = 10
"""Of what must go right once, and may go wrong on a machine that is busy with others."""


def closed(endpoint: Endpoint, *, count: int = 8, timeout_s: float = 20) -> Tally:
    plan = LoadPlan(
        endpoint=endpoint, requests=One(get(endpoint, "/"), HELLO), connections=2, count=count, timeout_s=timeout_s
    )
    return Engine(plan).run()


def opened(
    endpoint: Endpoint, *, rate: float = 1000, arrivals: int = 40, timeout_s: float = 20, drain_s: float = 20
) -> Tally:
    plan = LoadPlan(
        endpoint=endpoint,
        requests=One(get(endpoint, "/"), HELLO),
        connections=3,
        arrivals=Constant(rate, arrivals / rate),
        timeout_s=timeout_s,
        drain_s=drain_s,
    )
    tally = Engine(plan).run()
    assert tally.scheduled == arrivals
    assert tally.requests + tally.errors.total() + tally.censored + tally.dropped == arrivals
    assert len(tally.response) == len(tally.service) == tally.requests
    return tally


def resets_mid_body(peer: Peer) -> None:
    peer.read()
    peer.send(OK[:-2])
    peer.reset()


def resets_at_once(peer: Peer) -> None:
    peer.read()
    peer.reset()


def answers_garbage(peer: Peer) -> None:
    peer.read()
    peer.send(b"\x00\xff\r\n\r\n what?")
    peer.stream.recv(1)


def promises_too_much(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello")


def promises_too_little(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello")
    peer.stream.recv(1)


def hangs_up(peer: Peer) -> None:
    peer.read()


# A peer that hangs up with bytes unread, or is sent more after it did, makes the kernel send a RST instead of a FIN.
EITHER = {ErrorClass.CLOSED, ErrorClass.RESET}

FAULTS: dict[str, tuple[Callable[[Peer], None], set[ErrorClass]]] = {
    "resets mid-body": (resets_mid_body, {ErrorClass.RESET}),
    "resets before a byte": (resets_at_once, {ErrorClass.RESET}),
    "answers garbage": (answers_garbage, {ErrorClass.MALFORMED}),
    "promises too much": (promises_too_much, {ErrorClass.CUT_SHORT}),
    "promises too little": (promises_too_little, {ErrorClass.MALFORMED}),
    "hangs up": (hangs_up, {ErrorClass.CLOSED}),
    "hangs up at once": (lambda _peer: None, EITHER),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("load", [closed, opened])
def test_a_fault_is_counted_by_its_class(fault: str, load: Callable[[Endpoint], Tally]) -> None:
    script, classes = FAULTS[fault]
    with serving(script) as target:
        tally = load(target.endpoint)
    assert tally.requests == 0
    assert tally.errors.total() == tally.scheduled
    assert set(tally.errors) <= classes
    assert tally.connects >= tally.scheduled


@pytest.mark.parametrize("fault", FAULTS)
def test_what_follows_a_fault_is_right_again(fault: str) -> None:
    """Only the first connections misbehave: all that is due later is answered, on new ones."""

    def first_ones(peer: Peer) -> None:
        (FAULTS[fault][0] if peer.number < 3 else answering(OK))(peer)

    with serving(first_ones) as target:
        tally = opened(target.endpoint)
    # One that hangs up before it is asked anything is noticed, and costs nothing.
    assert (0 if fault == "hangs up at once" else 1) <= tally.errors.total() <= 3
    assert tally.requests == 40 - tally.errors.total()


@pytest.mark.parametrize("load", [closed, opened])
def test_a_target_that_closes_after_each_answer_is_served_anew(load: Callable[[Endpoint], Tally]) -> None:
    """With no word of it in the head, some requests go out on a connection that is about to close: errors, by class."""
    with serving(ending_with(OK)) as target:
        tally = load(target.endpoint)
    assert tally.requests >= 1
    assert set(tally.errors) <= EITHER
    assert tally.reconnects >= tally.requests - 3


@pytest.mark.parametrize("load", [closed, opened])
def test_a_target_that_refuses_is_an_error_for_each_request(load: Callable[[Endpoint], Tally]) -> None:
    with refusing() as endpoint:
        tally = load(endpoint)
    assert tally.errors == {ErrorClass.REFUSED: tally.scheduled}
    assert (tally.connects, tally.requests) == (0, 0)


def test_no_unix_socket_there_is_a_refusal(tmp_path: Path) -> None:
    assert closed(Endpoint(unix_path=str(tmp_path / "nothing"))).errors == {ErrorClass.REFUSED: 8}


def test_a_target_that_is_late_is_found(tmp_path: Path) -> None:
    """It refuses at first: the pauses between attempts end, and the rest of the load reaches it."""
    path = tmp_path / "socket"
    endpoint = Endpoint(unix_path=str(path))
    answered = threading.Event()
    requests = One(get(endpoint, "/"), Check(body_check=lambda _: answered.set()))
    engine = Engine(LoadPlan(endpoint=endpoint, requests=requests, connections=1, duration_s=30))
    tallies: list[Tally] = []
    running = threading.Thread(target=lambda: tallies.append(engine.run()))
    running.start()
    while engine.take().errors[ErrorClass.REFUSED] == 0:
        assert running.is_alive()
    with serving(answering(OK), unix_path=path):
        assert answered.wait(30)
        engine.stop()
        running.join(30)
    assert tallies[0].requests >= 1
    assert set(tallies[0].errors) == {ErrorClass.REFUSED}


def test_a_target_that_came_back_is_waited_for(tmp_path: Path) -> None:
    """It refuses, then serves, one at a time and too slowly: what is due waits for its turn, and is refused no more."""
    path, nothing = tmp_path / "socket", threading.Event()

    def slow(peer: Peer) -> None:
        while True:
            peer.read()
            nothing.wait(0.005)
            peer.send(OK)

    endpoint = Endpoint(unix_path=str(path))
    plan = LoadPlan(
        endpoint=endpoint, requests=One(get(endpoint, "/"), HELLO), connections=1, arrivals=Constant(1000, 60)
    )
    engine = Engine(plan)
    running = threading.Thread(target=engine.run)
    running.start()
    while engine.take().errors[ErrorClass.REFUSED] == 0:
        assert running.is_alive()
    with serving(slow, unix_path=path):
        while engine.take().requests == 0:
            assert running.is_alive()
        since = Tally()
        while since.requests < 10:
            assert running.is_alive()
            since.merge(engine.take())
        engine.stop()
        running.join(30)
    assert since.errors == {}


@pytest.mark.parametrize("load", [closed, opened])
def test_a_target_that_stalls_for_ever_times_out(load: Callable[..., Tally]) -> None:
    with serving(silent) as target:
        tally = load(target.endpoint, timeout_s=0.05)
    assert tally.errors == {ErrorClass.TIMEOUT: tally.scheduled}
    assert tally.reconnects >= tally.scheduled - 3


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_that_nobody_accepts_times_out(tls: bool) -> None:
    """The backlog is full, so that connecting itself hangs; or it is made, and the handshake hangs."""
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        if not tls:
            filler.connect(address)
        endpoint = (
            Endpoint.parse(f"https://127.0.0.1:{address[1]}")
            if tls
            else Endpoint.parse(f"http://127.0.0.1:{address[1]}")
        )
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, count=2, timeout_s=0.1, drain_s=0
        )
        assert Engine(plan).run().errors == {ErrorClass.CONNECT_FAILED: 2}


def test_answers_that_a_timeout_cut_off_never_reach_the_next_request() -> None:
    """The late answer of a timed-out request must not be taken for that of the one after it."""
    held = threading.Event()

    def first_is_late(peer: Peer) -> None:
        head = peer.read()
        if peer.number == 0:
            held.wait(30)
        with_name = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + (b"0" if peer.number == 0 else b"1")
        held.set()
        peer.send(with_name)
        while True:
            assert head
            peer.read()
            peer.send(with_name)

    with serving(first_is_late) as target:
        requests = One(get(target.endpoint, "/"), Check(body=b"1"))
        plan = LoadPlan(endpoint=target.endpoint, requests=requests, connections=1, count=5, timeout_s=0.5)
        tally = Engine(plan).run()
    # The late answer, taken for another's, would be a wrong body. A busy machine may be late with others as well.
    assert tally.errors.keys() == {ErrorClass.TIMEOUT}
    assert tally.requests == 5 - tally.errors.total() >= 1


def test_a_target_that_dies_in_the_middle_ends_no_schedule() -> None:
    def dies_at_the_tenth(peer: Peer) -> None:
        while True:
            peer.read()
            if len(peer.target.requests) >= 10:
                peer.target.die()
                raise Gone
            peer.send(OK)

    with serving(dies_at_the_tenth) as target:
        tally = opened(target.endpoint)
    assert tally.requests <= 9
    assert set(tally.errors) <= {ErrorClass.REFUSED, *EITHER}
    assert tally.errors[ErrorClass.REFUSED] >= 40 - 9 - 3
    assert (tally.censored, tally.dropped) == (0, 0)


def test_a_closed_loop_outlives_its_target() -> None:
    def dies_at_the_tenth(peer: Peer) -> None:
        while True:
            peer.read()
            if len(peer.target.requests) >= 10:
                peer.target.die()
                raise Gone
            peer.send(OK)

    with serving(dies_at_the_tenth) as target:
        tally = closed(target.endpoint, count=20)
    assert tally.requests <= 9
    assert tally.requests + tally.errors.total() == 20
    assert set(tally.errors) <= {ErrorClass.REFUSED, *EITHER}


def test_an_idle_connection_that_closes_costs_no_request() -> None:
    """The target hangs up between two requests, and says so in time: the next one goes out on a new connection."""

    def one_then_close(peer: Peer) -> None:
        peer.read()
        peer.send(OK)

    # A busy machine may hold up either side until it is not in time: then it is done again.
    for _ in range(MOST_TRIES):
        with serving(one_then_close) as target:
            tally = opened(target.endpoint, rate=10, arrivals=6)
        if not tally.errors:
            break
        assert set(tally.errors) <= EITHER
    assert tally.requests == 6
    assert tally.reconnects >= 3


def test_bytes_nobody_asked_for_cost_their_connection() -> None:
    """An answer too many, while no request is under way, is not kept for the next one."""

    nothing = threading.Event()

    def talks_on(peer: Peer) -> None:
        peer.read()
        peer.send(OK)
        nothing.wait(0.005)  # so that the two are not read at once
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG")
        peer.stream.recv(1)

    # A busy machine may bring the second answer with the first, which makes both malformed; or hold it up until the
    # next request is under way, whose answer it then is.
    for _ in range(MOST_TRIES):
        with serving(talks_on) as target:
            tally = opened(target.endpoint, rate=50, arrivals=5)
        if not tally.errors:
            break
        assert set(tally.errors) <= {ErrorClass.MALFORMED, ErrorClass.WRONG_BODY, *EITHER}
    assert tally.requests == 5
