"""`isomark bench generator`: on a real target with tiny durations, and when something is missing or breaks."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.errors import DeadlineExceeded, ToolchainError, UsageError
from harness.process import Supervised, instance_folder
from loadgen.generator_benchmark import command, findings, pinning, targets, tool_output, tools, watching
from loadgen.generator_benchmark.closed_loop import ClosedLoop, Turn, order_of_rounds
from loadgen.generator_benchmark.profiles import PROFILES, QUICK, Profile
from loadgen.generator_benchmark.run_engine import EngineOutcome
from loadgen.generator_benchmark.stalls import StallSchedule
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tool_output import Outcome
from loadgen.generator_benchmark.tools import Load, Missing, Tool
from loadgen.generator_benchmark.watching import ToolBroken, Watched, Window
from tests.child_run import Child

NEVER = StallSchedule(period_ms=1_000, stall_ms=0)

TINY = dataclasses.replace(
    QUICK,
    rounds=1,
    warm_up_s=0.05,
    window_s=0.1,
    floor_rounds=1,
    floor_s=0.1,
    stall_periods=1,
    stalls=StallSchedule(period_ms=300, stall_ms=60),
    capacity_s=0.1,
    memory_s=0.4,
    connections_s=0.4,
    alone_warm_up_s=0.05,
    connections=4,
    many_connections=8,
)


@contextlib.contextmanager
def python_target(cpu: int) -> Iterator[Target]:
    with targets.scheduled(cpu, NEVER) as target:
        yield target


def arguments(**settings: Any) -> argparse.Namespace:
    return argparse.Namespace(
        **{"profile": "quick", "launches": None, "seed": 7, "out": None, "format": "json"} | settings
    )


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setitem(PROFILES, "quick", TINY)
    return TINY


@pytest.fixture
def only_ours(monkeypatch: pytest.MonkeyPatch) -> Tool:
    ours = tools.find()[0][0]
    monkeypatch.setattr(command, "find", lambda: ([ours], []))
    return ours


def script(name: str, program: str) -> Tool:
    """A tool that is a Python program, given the target's URL."""
    return Tool(
        name=name,
        version="1",
        command=lambda load: [sys.executable, "-c", program, load.target.url],
        read=tool_output.json_line,
    )


def test_every_figure_is_measured_with_whatever_tools_there_are(
    tiny: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On nginx where it is installed. Each tool's own count agrees with the target's."""
    real = shutil.which("nginx") or Path("/usr/sbin/nginx").exists()
    if not real:
        monkeypatch.setattr(targets, "nginx", python_target)
    assert cli.main(["bench", "generator", "--format=json", "--seed=7", f"--out={tmp_path}"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "generator.json").read_text())
    assert (found["complete"], found["seed"], found["profile"]) == (True, 7, "quick")
    assert found["target"].startswith("target nginx" if real else "target server")
    assert {"generator_cpu", "target_cpu", "apart", "words"} == found["pinning"].keys()
    there = {tool.name for tool in tools.find()[0]}
    closed = found["closed_loop"]
    assert closed["requests_per_cpu_s"].keys() == there
    for key, name in {"wrk": "wrk", "fasthttp": "FastHttpUser", "k6": "k6", "h2load": "h2load"}.items():
        assert (closed[f"ratio_to_{key}"] is not None) == (name in there)
    for turn in closed["rounds"]:
        assert turn["requests"] > 0
        assert turn["own_errors"] == 0
        assert turn["own_requests"] == pytest.approx(turn["whole_requests"], abs=2 * TINY.connections)
        assert turn["cpu_s"] < turn["whole_cpu_s"]
    assert found["open_loop"]["delivered"] == 1
    assert all(found["open_loop"][key] is not None for key in ("p95_error", "p99_error", "p999_error"))
    assert all(found["floor"][key] is not None for key in ("added_p50_us_spin", "added_p50_us_default")) == (
        "wrk" in there
    )
    assert found["capacity"]["p50_us"] > 0
    assert found["memory"]["connections"] == TINY.many_connections
    assert found["versions"].keys() == there


def test_the_table_names_tools_figures_and_what_is_left_out(
    tiny: Profile, only_ours: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = [Missing(name="wrk", why="apt-get install wrk")]
    monkeypatch.setattr(command, "find", lambda: ([only_ours], missing))
    assert command.run(arguments(format="text"), target=python_target) == 0
    printed = capsys.readouterr().out
    for words in ("req per CPU-s", "isomark", "p999", "delivered", "memory of 8 connections", "every generator on CPU"):
        assert words in printed or (words.startswith("every") and len(os.sched_getaffinity(0)) == 1)
    assert "warning: wrk was left out: apt-get install wrk" in printed
    assert "nothing says what the floor is" in printed
    assert "floor at" not in printed


def test_without_nginx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolchainError, match="apt-get install nginx-light"):
        command.run(arguments())


def test_tools_that_are_not_installed_are_named_with_the_way_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)
    monkeypatch.setattr(tools.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(tools, "version", absent)
    found, missing = tools.find()
    assert [tool.name for tool in found] == ["isomark"]
    assert {each.name for each in missing} == {"wrk", "h2load", "k6", "FastHttpUser"}
    assert all("install" in str(each) for each in missing)


def absent(_: str) -> str:
    raise tools.PackageNotFoundError


@pytest.mark.parametrize("launches", [0, -1, 1_001])
def test_a_number_of_rounds_out_of_range_is_refused(launches: int) -> None:
    with pytest.raises(UsageError, match=f"--launches={launches} is out of range"):
        command.run(arguments(launches=launches))


def test_a_scenario_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "generater"]) == UsageError.exit_code
    assert "generator" in capsys.readouterr().err


def test_a_tool_that_breaks_is_left_out_and_said_and_the_others_go_on(
    tiny: Profile, only_ours: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = script("mute", "raise SystemExit('no licence')")
    chatty = script("chatty", ENDLESS + "print('done, and very well')")
    monkeypatch.setattr(command, "find", lambda: ([only_ours, mute, chatty], []))
    assert command.run(arguments(launches=2), target=python_target) == 0
    found = json.loads(capsys.readouterr().out)
    assert [turn["tool"] for turn in found["closed_loop"]["rounds"]] == ["isomark", "isomark"]
    assert "mute was left out: mute ended before it was measured" in found["warnings"]
    assert any(each.startswith("chatty was left out: the tool printed no result") for each in found["warnings"])


def test_when_ours_breaks_what_was_measured_is_printed_and_the_code_says_so(
    tiny: Profile, only_ours: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.open_loop, "capacity", broken)
    assert command.run(arguments(), target=python_target) == ToolBroken.exit_code
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["complete"], found["why_incomplete"]) == (False, "it fell over")
    assert found["closed_loop"]["requests_per_cpu_s"]["isomark"] > 0
    assert found["open_loop"]["p99_error"] is None
    assert "it fell over" in err


def broken(*_: object, **__: object) -> EngineOutcome:
    raise ToolBroken("it fell over")


# A tool as every other: keeps asking for a second, then tells. On its own connection, so that nothing is left open.
ENDLESS = """
import socket, sys, time
port = int(sys.argv[1].rstrip("/").rpartition(":")[2])
with socket.create_connection(("127.0.0.1", port)) as client:
    until, asked = time.monotonic() + 1, 0
    while time.monotonic() < until:
        client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        assert client.recv(4096)
        asked += 1
"""


def test_what_is_watched_is_the_window_and_not_the_start() -> None:
    """A tool that burns CPU before its first request is charged for it in the whole run only."""
    burning = "import time\nwhile time.process_time() < 0.5: pass\n"
    program = burning + ENDLESS + 'print(\'{"requests": %d, "errors": 0}\' % asked)'
    tool = script("burner", program)
    cpu = max(os.sched_getaffinity(0))
    with python_target(min(os.sched_getaffinity(0))) as target, instance_folder() as folder:
        load = Load(target=target, connections=1, seconds=1, folder=folder)
        seen = watching.watch(
            tool.name, tool.command(load), target, cpu=cpu, folder=folder, warm_up_s=0.1, window_s=0.2
        )
    assert tool.read(seen.output).requests == seen.whole.requests
    assert 0 < seen.window.requests < seen.whole.requests
    assert seen.whole.cpu_ns > 500_000_000 + seen.window.cpu_ns
    assert seen.window.cpu_ns > 0
    assert all(size > 1_000_000 for size in seen.resident_bytes)


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


def test_ctrl_c_ends_the_children_and_prints_what_there_is(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.test_generator_benchmark"]
    with Child(tmp_path, words, {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}) as child:
        seen: set[int] = set()

        def a_second_tool_runs() -> bool:
            seen.update(pid for pid in child.processes() if "run_engine" in command_line(pid))
            return len(seen) > 1 or child.process.poll() is not None

        child.wait_until(a_second_tool_runs, "a second run of the generator")
        child.process.send_signal(signal.SIGINT)
        assert child.ended() == 130, child.output()
        found = json.loads(child.output())
        assert (found["complete"], found["why_incomplete"]) == (False, "interrupted")
        assert found["closed_loop"]["requests_per_cpu_s"]["isomark"] > 0
        child.wait_until(lambda: not child.leftovers(), "nothing to be left")


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def endless_run() -> int:
    """What the child of the test above does: the closed loop, for longer than anybody waits."""
    PROFILES["quick"] = dataclasses.replace(TINY, rounds=1_000)
    command.find = lambda: ([tools.find()[0][0]], [])
    return command.run(arguments(), target=python_target)


@given(st.sets(st.text(min_size=1), min_size=1, max_size=6), st.integers(1, 8), st.integers(0, 1 << 31))
def test_in_each_round_every_tool_has_one_turn_in_an_order_of_the_seed(names: set[str], rounds: int, seed: int) -> None:
    order = order_of_rounds(sorted(names), rounds, seed)
    assert order == order_of_rounds(sorted(names), rounds, seed)
    assert [sorted(each) for each in order] == [sorted(names)] * rounds


def test_orders_of_other_seeds_differ() -> None:
    assert len({tuple(order_of_rounds("ABCDE", 3, seed)) for seed in range(10)}) > 5


def turn(
    number: int, tool: str, requests: int, *, cpu_ns: int = 10**9, own: int | None = None, errors: int = 0
) -> Turn:
    window = Window(requests=requests, cpu_ns=cpu_ns, wall_ns=10**9)
    return Turn(
        round=number,
        tool=tool,
        watched=Watched(window=window, whole=window, resident_bytes=(1, 1), output=""),
        outcome=Outcome(requests=requests if own is None else own, errors=errors),
    )


def test_ratios_are_of_the_same_round_and_their_median() -> None:
    """A slow round is slow for both sides, and a round with only one of them says nothing."""
    closed = ClosedLoop(
        turns=[
            turn(1, "a", 100),
            turn(1, "b", 50),
            turn(2, "b", 5),
            turn(2, "a", 10),
            turn(3, "a", 900),
            turn(4, "b", 1),
        ]
    )
    assert closed.ratios("a", "b") == [2, 2]
    assert (closed.ratio("a", "b"), closed.per_cpu_s("a"), closed.ratio("a", "c")) == (2, 100, None)


@pytest.mark.parametrize(
    ("one", "doubts"),
    [
        (turn(1, "x", 100_000), []),
        (turn(1, "x", 100_000, own=99_900), []),
        (turn(1, "x", 100_000, own=90_000), ["round 1: x says it did 90000 requests, and the target says 100000"]),
        (turn(2, "x", 1_000, own=990, errors=10), ["round 2: x had 10 errors, which its figure includes"]),
    ],
)
def test_a_tool_whose_count_is_off_or_that_saw_errors_is_doubted(one: Turn, doubts: list[str]) -> None:
    found = findings.Findings(profile=TINY, closed=ClosedLoop(turns=[one]))
    apart = pinning.Pinning(generator=1, target=0)
    assert list(found.warnings(apart, [], 0.0)) == doubts


def test_a_saturated_run_and_one_that_delivered_too_little_are_warned_of() -> None:
    outcome = EngineOutcome(
        requests=900, errors=0, due=1_000, late=0, censored=100, dropped=0,
        percentiles_ns=dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), 1),
        saturated=True, verdict="the generator was saturated",
    )  # fmt: skip
    found = findings.Findings(profile=TINY, capacity=outcome)
    assert list(found.warnings(pinning.Pinning(generator=1, target=0), [], 0.5)) == [
        "the machine was not idle: 50% of its CPU time was in use before the start",
        "the capacity: the generator was saturated",
        "the capacity: only 90.00% of the requests due were answered right",
    ]


@pytest.mark.parametrize(
    ("usable", "siblings", "expected"),
    [
        ({0}, {}, (0, 0, False)),
        ({0, 1}, {}, (1, 0, False)),
        ({0, 1}, {0: {0, 1}, 1: {0, 1}}, (1, 0, True)),
        ({0, 1, 2, 3}, {3: {2, 3}}, (3, 0, False)),
        ({2, 3, 5}, {5: {2, 5}}, (5, 3, False)),
    ],
)
def test_generator_and_target_get_cores_of_their_own_where_there_are_two(
    usable: set[int], siblings: dict[int, set[int]], expected: tuple[int, int, bool]
) -> None:
    chosen = pinning.choose(usable, lambda cpu: siblings.get(cpu, {cpu}))
    assert (chosen.generator, chosen.target, chosen.shared_core) == expected
    found = findings.Findings(profile=TINY).warnings(chosen, [], 0.0)
    assert found == (() if chosen.apart and not chosen.shared_core else (str(chosen),))
    assert ("nothing is apart" in str(chosen)) == (len(usable) == 1)


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


def test_the_generator_alone_ends_with_a_message_for_a_plan_that_cannot_be() -> None:
    done = subprocess.run(
        tools.engine_command(tools.EngineRun(port=1, connections=0, seconds=1)),
        env=tools.environment(Path("/nowhere")),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "connections=0 is out of range" in done.stderr


if __name__ == "__main__":
    sys.exit(endless_run())
