"""The engine with a number of connections: every request once, in its order, in the right histogram."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from loadgen.arrivals import Constant
from loadgen.engine import Check, Endpoint, Engine, Fresh, LoadPlan, Mix, One, Sequence, Tally, get
from loadgen.engine.exchanges import Exchanges
from loadgen.engine.links import State
from loadgen.engine.requests import Requests
from tests.engine_targets import HELLO, OK, Peer, answering, serving, silent


def test_every_request_is_counted_once() -> None:
    with serving(answering(OK)) as target:
        # On a machine that gave the whole time to others, no connection came to its second request: more time, then.
        for duration_s in (0.2, 1, 5, 25):
            plan = LoadPlan(
                endpoint=target.endpoint,
                requests=One(get(target.endpoint, "/"), HELLO),
                connections=8,
                duration_s=duration_s,
            )
            before = len(target.requests)
            tally = Engine(plan).run()
            assert tally.requests == tally.scheduled == len(target.requests) - before >= 8
            if tally.requests > 8:
                break
    assert tally.requests > 8
    assert (tally.censored, tally.dropped, tally.late, tally.connects) == (0, 0, 0, 8)
    assert tally.response.by_slot() == tally.service.by_slot()
    assert tally.wall_ns >= 200_000_000
    assert tally.engine_ns == tally.wall_ns
    assert 0 < tally.cpu_ns <= tally.engine_ns
    assert tally.bytes_received == tally.requests * len(OK)


@pytest.mark.parametrize("connections", [1, 5])
def test_a_count_is_exact(connections: int) -> None:
    with serving(answering(OK)) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=connections, count=57)
        assert Engine(plan).run().requests == 57
        assert len(target.requests) == 57


@pytest.mark.parametrize("plan", [{"count": 300}, {"duration_s": 3600}, {"arrivals": Constant(1000, 0.3)}], ids=str)
@pytest.mark.parametrize("requests", ["one", "sequence"])
def test_plain_answers_stay_on_the_fast_path(
    plan: dict[str, Any], requests: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow path sees the first answers, from which the fast one learns, and no more."""
    slow: list[int] = []
    attend = Exchanges.attend

    def counted(self: Exchanges, fd: int, data: bytes | None) -> None:
        # Connecting and the timer are its business; an answer is one whatever is read.
        link = self._board.links[fd]
        if link is not None and link.state is State.READY:
            slow.append(fd)
        attend(self, fd, data)

    monkeypatch.setattr(Exchanges, "attend", counted)
    with serving(answering(OK)) as target:
        one = One(get(target.endpoint, "/"))
        asked = one if requests == "one" else Sequence([(one.request, one.check)])
        engine, whole = Engine(LoadPlan(endpoint=target.endpoint, requests=asked, connections=3, **plan)), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        if "duration_s" in plan:
            while len(target.requests) < 300:
                assert running.is_alive()
            engine.finish()
        running.join(60)
    (tally,) = whole
    assert tally.requests >= 100
    # Each connection's first, and what the end of a closed loop leaves to be waited for.
    assert len(slow) <= 6


def test_the_warm_up_is_answered_and_in_no_histogram() -> None:
    with serving(answering(OK)) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/"), HELLO), connections=3, count=40, warm_up_s=0.05
        )
        tally = Engine(plan).run()
        assert len(target.requests) == tally.warm_up + tally.requests == tally.scheduled
    assert tally.requests == len(tally.service) == 40
    assert tally.warm_up >= 3


def load(requests: Requests, endpoint: Endpoint, *, count: int = 60, connections: int = 2) -> Tally:
    return Engine(LoadPlan(endpoint=endpoint, requests=requests, connections=connections, count=count)).run()


def echoing(peer: Peer) -> None:
    """The body is the request's path."""
    while True:
        path = peer.read().split(b" ")[1]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


def test_a_sequence_runs_in_order_on_each_connection() -> None:
    paths = ["/a", "/b", "/c"]
    seen: dict[int, list[str]] = {}

    def noting(peer: Peer) -> None:
        while True:
            seen.setdefault(peer.number, []).append(peer.read().split(b" ")[1].decode())
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + seen[peer.number][-1].encode())

    with serving(noting) as target:
        steps = [(get(target.endpoint, path), Check(body=path.encode())) for path in paths]
        assert load(Sequence(steps), target.endpoint).requests == 60
    assert sum(map(len, seen.values())) == 60
    for found in seen.values():
        assert found == (paths * 60)[: len(found)]


def test_a_mix_checks_each_answer_for_its_own_request() -> None:
    with serving(echoing) as target:
        parts = [
            (weight, get(target.endpoint, path), Check(body=path.encode())) for weight, path in ((3, "/a"), (1, "/b"))
        ]
        tally = load(Mix(parts, seed=1), target.endpoint, count=200)
        seen = Counter(head.split(b" ")[1] for head in target.requests)
    assert (tally.requests, tally.errors) == (200, {})
    assert seen[b"/a"] > seen[b"/b"] > 0


def test_a_mix_never_takes_one_requests_answer_for_anothers() -> None:
    """All checks but one are false: what is remembered of the true one must not leak into the others."""
    with serving(echoing) as target:
        parts = [(1.0, get(target.endpoint, path), Check(body=b"/a")) for path in ("/a", "/b")]
        tally = load(Mix(parts, seed=1), target.endpoint, count=100)
        seen = Counter(head.split(b" ")[1] for head in target.requests)
    assert (tally.requests, tally.errors["wrong-body"]) == (seen[b"/a"], seen[b"/b"])


def test_a_fresh_field_is_never_used_twice() -> None:
    with serving(answering(OK)) as target:
        before, _, after = get(target.endpoint, "/", {"X-Isolate": "@"}).partition(b"@")
        both = [load(Fresh(before, after, HELLO, prefix="cold-"), target.endpoint) for _ in range(2)]
        names = {head.partition(b"cold-")[2] for head in target.requests}
    assert [tally.requests for tally in both] == [60, 60]
    assert len(names) == 120


def test_takes_add_up_to_the_whole() -> None:
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/"), HELLO),
            connections=4,
            duration_s=3600,
            interval_s=0.05,
        )
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        total = engine.take()
        running.start()
        takes = 0
        while takes < 5 or total.requests < 100:
            assert running.is_alive()
            total.merge(engine.take())
            takes += 1
        engine.stop()
        running.join(30)
        total.merge(engine.take())
        assert engine.take().scheduled == 0
    (tally,) = whole
    assert tally.scheduled == tally.requests + tally.censored
    assert total.response.by_slot() == tally.response.by_slot()
    # A span and a maximum add up as well; of the intervals, the whole joins some that the takes have one by one.
    total.intervals = tally.intervals = []
    for name in ("response", "service"):
        assert getattr(total, name).by_slot() == getattr(tally, name).by_slot()
        setattr(total, name, getattr(tally, name))
    assert total == tally


def test_a_stop_before_the_start_ends_it_at_once() -> None:
    with serving(silent) as target:
        plan = LoadPlan(
            endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), connections=1, duration_s=3600
        )
        engine = Engine(plan)
        engine.stop()
        assert engine.run().requests == 0


def test_a_stop_does_not_wait_for_answers() -> None:
    with serving(silent) as target:
        plan = LoadPlan(
            endpoint=target.endpoint,
            requests=One(get(target.endpoint, "/")),
            connections=3,
            duration_s=3600,
            timeout_s=3600,
            drain_s=3600,
        )
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        while len(target.requests) < 3:
            assert running.is_alive()
        engine.stop()
        running.join(30)
    assert (whole[0].censored, whole[0].scheduled) == (3, 3)


def test_an_engine_runs_once() -> None:
    with serving(answering(OK)) as target:
        engine = Engine(
            LoadPlan(endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), connections=1, count=1)
        )
        engine.run()
        with pytest.raises(RuntimeError):
            engine.run()
