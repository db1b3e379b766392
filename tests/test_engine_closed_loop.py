"""The closed loop and the engine around it: counts agree with the target's, takes add up, nothing is left behind."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.toolchain import CHECKOUT
from loadgen.arrivals import Constant
from loadgen.engine import Check, Endpoint, Engine, Fresh, LoadPlan, Mix, One, Sequence, Tally, get, native
from loadgen.engine.exchanges import Exchanges
from loadgen.engine.incoming import Incoming
from loadgen.engine.links import State
from loadgen.engine.requests import Requests
from tests.engine_targets import OK, Peer, answering, serving, silent

HELLO = Check(body=b"hello")


def test_every_request_is_counted_once() -> None:
    with serving(answering(OK)) as target:
        plan = LoadPlan(
            endpoint=target.endpoint, requests=One(get(target.endpoint, "/"), HELLO), connections=8, duration_s=0.2
        )
        tally = Engine(plan).run()
        assert tally.requests == tally.scheduled == len(target.requests) > 8
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


@pytest.mark.parametrize("plan", [{"count": 300}, {"duration_s": 0.3}, {"arrivals": Constant(1000, 0.3)}], ids=str)
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
        tally = Engine(LoadPlan(endpoint=target.endpoint, requests=asked, connections=3, **plan)).run()
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
            duration_s=30,
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


def silent_on_the_first(peer: Peer) -> None:
    """One connection never gets an answer."""
    (silent if peer.number == 0 else answering(OK))(peer)


@pytest.mark.parametrize(
    "load", [{"duration_s": 0.3, "warm_up_s": 0.1}, {"arrivals": Constant(1000, 0.3), "warm_up_s": 0.1}], ids=str
)
def test_the_wait_for_an_answer_that_never_comes_is_in_no_rate(load: dict[str, Any]) -> None:
    with serving(silent_on_the_first) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, drain_s=2, **load)
        began_ns = time.monotonic_ns()
        tally = Engine(plan).run()
        whole_ns = time.monotonic_ns() - began_ns
    assert tally.requests > tally.drained
    assert tally.censored >= 1
    assert tally.wall_ns == tally.engine_ns < whole_ns / 2
    assert tally.rate_rps == tally.timely * 1e9 / tally.wall_ns
    assert len(tally.service) == tally.requests


@pytest.mark.parametrize("load", [{"duration_s": 0.2}, {"arrivals": Constant(1000, 0.2)}], ids=str)
def test_answers_after_the_load_are_counted_and_in_no_rate(load: dict[str, Any]) -> None:
    """The target answers nothing until the load is over."""
    may_answer = threading.Event()

    def late(peer: Peer) -> None:
        while True:
            peer.read()
            assert may_answer.wait(60)
            peer.send(OK)

    with serving(late) as target:
        endpoint = target.endpoint
        plan = LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, drain_s=60, **load)
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        total = Tally()
        while (part := engine.take()).wall_ns or not total.wall_ns:  # a take without time is one after the load
            assert running.is_alive()
            total.merge(part)
        total.merge(part)
        may_answer.set()
        running.join(60)
        total.merge(engine.take())
    (tally,) = whole
    assert tally.requests == tally.drained == len(tally.response) >= 3
    assert (tally.rate_rps, tally.censored) == (0, 0)
    assert tally.wall_ns == tally.engine_ns > 0
    for name in ("requests", "drained", "started_ns", "wall_ns", "engine_ns", "cpu_ns", "spun_ns", "scheduled"):
        assert getattr(total, name) == getattr(tally, name), name


@pytest.mark.parametrize("load", [{"duration_s": 3600}, {"arrivals": Constant(30, 3600)}], ids=str)
def test_answers_to_the_warm_up_count_in_the_rate_of_when_they_came(load: dict[str, Any]) -> None:
    """Else a target with as long a latency as the measured part would have no throughput."""
    may_answer = threading.Event()

    def late(peer: Peer) -> None:
        while True:
            peer.read()
            assert may_answer.wait(60)
            peer.send(OK)

    with serving(late) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=3, warm_up_s=0.1, timeout_s=60, **load
        )
        engine, whole = Engine(plan), list[Tally]()
        running = threading.Thread(target=lambda: whole.append(engine.run()))
        running.start()
        while not engine.take().wall_ns or len(target.requests) < 3:
            assert running.is_alive()
        may_answer.set()
        while not engine.take().requests:
            assert running.is_alive()
        engine.finish()
        running.join(60)
    (tally,) = whole
    assert tally.carried_over == 3 <= tally.warm_up
    assert tally.timely == tally.requests - tally.drained + 3
    assert tally.rate_rps == tally.timely * 1e9 / tally.wall_ns


def test_a_number_of_requests_ends_with_the_last_of_them() -> None:
    """All are under way at once, so that the first answer is the end of sending; the load is over with the last."""
    held, nothing = threading.Event(), threading.Event()

    def one_is_late(peer: Peer) -> None:
        while True:
            peer.read()
            if peer.number == 0:
                nothing.wait(0.3)
                held.set()
            peer.send(OK)

    with serving(one_is_late) as target:
        tally = load(One(get(target.endpoint, "/")), target.endpoint, count=4, connections=4)
    assert (tally.requests, tally.drained) == (4, 0)
    assert tally.wall_ns >= 300_000_000


def test_intervals_cover_the_measured_part_without_gaps() -> None:
    with serving(answering(OK)) as target:
        endpoint = target.endpoint
        plan = LoadPlan(
            endpoint=endpoint, requests=One(get(endpoint, "/")), connections=1, duration_s=0.6, interval_s=0.1
        )
        tally = Engine(plan).run()
        answered = len(target.requests)
    intervals = tally.intervals
    assert len(intervals) >= 3
    assert intervals[0].start_ns == tally.started_ns
    # What the end of the load left to be waited for has an interval of its own.
    end_ns = tally.started_ns + tally.wall_ns
    assert end_ns in {each.end_ns for each in intervals}
    assert sum(len(each.service) for each in intervals if each.end_ns > end_ns) == tally.drained <= 1
    assert all(first.end_ns == second.start_ns for first, second in itertools.pairwise(intervals))
    assert sum(len(each.service) for each in intervals) == tally.requests == answered
    # The hot loop counts in the interval that is open, not in one that was put away.
    assert sum(len(each.service) == 0 for each in intervals) <= 1


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


def descriptors() -> list[str]:
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def test_nothing_is_left_behind() -> None:
    """No descriptor, no thread; the garbage collector, off meanwhile, and the length of a turn are as before."""
    seen: set[tuple[bool, float]] = set()
    check = Check(body_check=lambda _: seen.add((gc.isenabled(), sys.getswitchinterval())))
    turn_s = sys.getswitchinterval()
    before, threads = descriptors(), threading.active_count()
    with serving(answering(OK)) as target:
        load(One(get(target.endpoint, "/"), check), target.endpoint, count=20, connections=7)
    ((enabled, shorter_s),) = seen
    assert not enabled
    assert shorter_s < turn_s == sys.getswitchinterval()
    assert gc.isenabled()
    assert threading.active_count() == threads
    assert descriptors() == before


def test_a_run_that_fails_leaves_nothing_behind_either() -> None:
    """What the caller's own code raises ends the run, and is not the target's error."""

    class Broken:
        def next(self, connection: int) -> tuple[bytes, Check]:
            raise ZeroDivisionError

    before = descriptors()
    with serving(answering(OK)) as target, pytest.raises(ZeroDivisionError):
        load(Broken(), target.endpoint)
    assert gc.isenabled()
    assert descriptors() == before


def test_no_garbage_is_made_that_only_the_collector_would_find() -> None:
    """It is off for as long as a run takes; parsers and errors must go by themselves."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    def script(peer: Peer) -> None:
        while True:
            peer.read()
            peer.send(chunked if len(peer.target.requests) % 5 else b"what?\r\n\r\n")

    alive: list[int] = []

    def check(_body: bytes) -> None:
        alive.append(sum(isinstance(each, Incoming) for each in gc.get_objects()))

    with serving(script) as target:
        tally = load(One(get(target.endpoint, "/"), Check(body_check=check)), target.endpoint, count=30, connections=1)
    assert tally.errors == {"malformed": 6}
    assert set(alive) == {1}


def test_too_many_connections_for_this_process_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    with serving(answering(OK)) as target:
        plan = LoadPlan(endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), connections=1000, count=1)
        with pytest.raises(UsageError, match="more open files"):
            Engine(plan).run()


def test_engines_of_a_process_need_open_files_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would find room if it were alone; the second comes before the first has opened anything."""
    limits = {"soft": 3000, "hard": 100_000}
    monkeypatch.setattr("resource.getrlimit", lambda _: (limits["soft"], limits["hard"]))
    monkeypatch.setattr("resource.setrlimit", lambda _, values: limits.update(soft=values[0]))
    with native.descriptors(2000):
        first = limits["soft"]
        with native.descriptors(2000):
            assert limits["soft"] >= 4000 > first
            limits["hard"] = 6000
            with pytest.raises(UsageError, match=r"beside 4\d{3} others"), native.descriptors(2000):
                pass
    limits["soft"] = 3000
    with native.descriptors(2000):
        assert limits["soft"] == 3000, "what was promised is given back"


def test_open_files_count_whoever_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"soft": 256}
    monkeypatch.setattr("resource.getrlimit", lambda _: (limits["soft"], 100_000))
    monkeypatch.setattr("resource.setrlimit", lambda _, values: limits.update(soft=values[0]))
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(Path(os.devnull).open())
        with native.descriptors(10):
            assert limits["soft"] >= 310


@pytest.mark.parametrize("load", [{"count": 5}, {"arrivals": Constant(100, 0.05)}], ids=str)
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_open_file_left_is_no_error_of_the_target(
    number: int, load: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(native, "new_socket", none_left)
    with serving(answering(OK)) as target:
        plan = LoadPlan(endpoint=target.endpoint, requests=One(get(target.endpoint, "/")), connections=2, **load)
        with pytest.raises(UsageError, match="no open file is left for connection 1 of 2"):
            Engine(plan).run()
    assert gc.isenabled()


PATCHED = """
import gevent.monkey
gevent.monkey.patch_all()
import select, socket, sys, threading
assert not hasattr(select, "epoll")
from loadgen.arrivals import Constant
from loadgen.engine import Engine, LoadPlan, One, Endpoint, get
from loadgen.engine import native
import gevent
endpoint = Endpoint(port=int(sys.argv[1]))
plans = [
    LoadPlan(endpoint=endpoint, requests=One(get(endpoint, "/")), connections=4, **more)
    for more in ({"duration_s": 0.2}, {"arrivals": Constant(500, 0.2)})
]
for plan in plans:
    engine, found = Engine(plan), []
    native.start_thread(lambda: found.append(engine.run()), ())
    turns, taken = 0, 0
    while not found:
        gevent.sleep(0.01)
        turns += 1
        taken += engine.take().requests
    taken += engine.take().requests
    # The hub kept turning while the engine ran: its thread is a real one.
    assert turns > 3, turns
    assert taken == found[0].requests == found[0].scheduled, (taken, found)
    print(found[0].requests)
"""


def test_it_works_in_a_process_that_gevent_has_patched() -> None:
    with serving(answering(OK)) as target:
        done = subprocess.run(
            [sys.executable, "-c", PATCHED, str(target.endpoint.port)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        closed, opened = map(int, done.stdout.split())
        assert opened == 100
        assert closed + opened == len(target.requests)
