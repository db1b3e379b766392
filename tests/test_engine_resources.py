"""What the engine takes of its process and gives back: connections, open files, memory."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.toolchain import CHECKOUT
from loadgen.arrivals import Constant
from loadgen.engine import Check, Engine, LoadPlan, One, get, native
from loadgen.engine.incoming import Incoming
from tests.engine_targets import OK, Peer, answering, serving
from tests.test_engine_closed_loop import load


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
    for more in ({"duration_s": 3600}, {"arrivals": Constant(500, 3600)})
]
for plan in plans:
    engine, found = Engine(plan), []
    native.start_thread(lambda: found.append(engine.run()), ())
    turns, taken = 0, 0
    # The hub keeps turning while the engine runs: its thread is a real one.
    while turns <= 3 or taken < 100:
        assert not found, found
        gevent.sleep(0.01)
        turns += 1
        taken += engine.take().requests
    engine.finish()
    while not found:
        gevent.sleep(0.01)
    taken += engine.take().requests
    assert taken == found[0].requests == found[0].scheduled - found[0].dropped, (taken, found)
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
        assert min(closed, opened) >= 100
        assert closed + opened == len(target.requests)
