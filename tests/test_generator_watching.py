"""What is read of a tool while it runs: its window, its core, its CPU time and the requests of its target."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DeadlineExceeded
from harness.process import Supervised, instance_folder
from loadgen.generator_benchmark import targets, watching
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tools import Load
from loadgen.generator_benchmark.watching import Watched
from tests.tiny_benchmark import ENDLESS, python_target, script


def test_what_is_watched_is_the_window_and_not_the_start() -> None:
    """A tool that burns CPU before its first request is charged for it in the whole run only."""
    burning = "import time\nwhile time.process_time() < 0.5: pass\n"
    program = burning + UNTIL_TOLD + 'print(\'{"requests": %d, "errors": 0}\' % asked)'
    tool = script("burner", program)
    cpu = max(os.sched_getaffinity(0))
    with python_target(min(os.sched_getaffinity(0))) as target, instance_folder() as folder:
        load = Load(target=target, connections=1, seconds=1, folder=folder)
        command = [*tool.command(load), str(folder / "over")]
        told: Any = Telling(target, folder / "over")
        seen = watching.watch(tool.name, command, told, cpu=cpu, folder=folder, warm_up_s=0.1, window_s=0.2)
    assert tool.read(seen.output).requests == seen.whole.requests
    assert 0 < seen.window.requests < seen.whole.requests
    assert seen.whole.cpu_ns > 500_000_000 + seen.window.cpu_ns
    assert seen.window.cpu_ns > 0
    assert all(size > 1_000_000 for size in seen.resident_bytes)


UNTIL_TOLD = ENDLESS.replace("import socket, sys, time", "import os, socket, sys, time").replace(
    "time.monotonic() < until", "not os.path.exists(sys.argv[2])"
)


class Telling:
    """A target that ends the tool once its window is over, and the window once the tool asked something in it.

    So that on a machine that is busy with others neither comes before the other.
    """

    def __init__(self, target: Target, over: Path) -> None:
        self._target = target
        self._over = over
        self._told: list[int] = []

    def served(self) -> int:
        """Asked before the tool is there, until its first request is, at both ends of the window, after the tool."""
        found, until = self._target.served(), time.monotonic() + DEADLINE_S
        while 0 < len(self._told) < WINDOWS_END and found <= self._told[-1]:
            assert time.monotonic() < until, "the tool asks no more"
            found = self._target.served()
        self._told.append(found)
        if len(self._told) == WINDOWS_END:
            self._over.touch()
        return found


WINDOWS_END = 4
DEADLINE_S = 60.0


class Simulated:
    """A process on a clock of its own, which stands still but for waiting: no second of it is really waited."""

    name, pid = "tool", os.getpid()

    def __init__(self, lives_s: float, log: Path) -> None:
        self.left_s = lives_s
        self.log = log

    def __enter__(self) -> Simulated:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ended_within(self, seconds: float) -> bool:
        self.left_s = max(0.0, self.left_s - seconds)
        return not self.left_s

    def log_tail(self) -> str:
        return ""


class Busy:
    """A target that served one more request whenever it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def served(self) -> int:
        self.asked += 1
        return self.asked


WARM_UP_S, WINDOW_S, GRACE_S = 40.0, 600.0, 5.0


@pytest.mark.parametrize(
    ("after_window_s", "in_time"),
    [(GRACE_S - 1, True), (GRACE_S + WARM_UP_S + WINDOW_S - 1, True), (GRACE_S + WARM_UP_S + WINDOW_S + 1, False)],
)
def test_what_follows_a_long_window_may_take_as_long_as_the_window(
    after_window_s: float, in_time: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool is given a time to run that its window is a part of: the deadline for its end grows with it."""
    log = tmp_path / "output"
    log.write_text("done")
    tool = Simulated(WARM_UP_S + WINDOW_S + after_window_s, log)
    monkeypatch.setattr(watching, "END_DEADLINE_S", GRACE_S)
    monkeypatch.setattr(watching, "_start", lambda *_, **__: tool)

    def watch() -> Watched:
        target: Any = Busy()
        return watching.watch("tool", [], target, cpu=0, folder=tmp_path, warm_up_s=WARM_UP_S, window_s=WINDOW_S)

    if in_time:
        assert watch().output == "done"
    else:
        with pytest.raises(DeadlineExceeded, match="tool did not end in 645 s"):
            watch()


def test_a_tool_runs_on_its_core_and_this_process_stays_where_it_was() -> None:
    before = os.sched_getaffinity(0)
    for cpu in before:
        with instance_folder() as folder:
            where = "import os; print(os.sched_getaffinity(0))"
            output = watching.run("where", [sys.executable, "-c", where], cpu=cpu, folder=folder, deadline_s=60)
        assert output.strip() == str({cpu})
    assert os.sched_getaffinity(0) == before


def test_the_cpu_clock_of_another_process_is_the_kernels_own() -> None:
    program = "import time\nwhile time.process_time() < 0.3: pass\nprint(time.process_time())"
    before = watching.children_cpu_ns()
    with (
        instance_folder() as folder,
        Supervised(
            "burner",
            [sys.executable, "-c", program],
            log=folder / "log",
            memory_guard_bytes=None,
            folder=folder,
        ) as process,
    ):
        assert process.ended_within(60)
        by_clock = watching.process_cpu_ns(process.pid)
    assert by_clock >= 300_000_000
    assert by_clock == pytest.approx(watching.children_cpu_ns() - before, rel=0.1)


@pytest.mark.skipif(not Path("/usr/sbin/nginx").exists(), reason="nginx is not installed (apt-get install nginx-light)")
def test_nginx_listens_where_the_system_said_counts_and_is_gone_afterwards() -> None:
    with targets.nginx(min(os.sched_getaffinity(0))) as target:
        before = target.served()
        client = socket.create_connection(("127.0.0.1", target.port), 30)
        with client:
            for _ in range(3):
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(4096).endswith(b"hello world\n")
        assert target.served() - before == 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", target.port), 30)
