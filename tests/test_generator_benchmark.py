"""`isomark bench generator`: on a real target with tiny durations, and when something is missing or breaks."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.errors import ToolchainError, UsageError
from loadgen.generator_benchmark import closed_loop, command, targets, tools, watching
from loadgen.generator_benchmark.profiles import PROFILES, Profile
from loadgen.generator_benchmark.run_engine import EngineOutcome
from loadgen.generator_benchmark.tools import Missing, Tool
from loadgen.generator_benchmark.watching import ToolBroken
from tests.child_run import Child
from tests.tiny_benchmark import ENDLESS, TINY, python_target, script


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


def test_a_tool_whose_window_this_process_slept_through_is_run_again_for_longer(
    tiny: Profile, only_ours: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the closed loop and where memory is read: to whom the machine gives no core, the tool has ended meanwhile."""
    asked: list[float] = []

    def held_up(name: str, command: list[str], target: targets.Target, **more: Any) -> watching.Watched:
        asked.append(json.loads(command[-1])["seconds"])
        if len(asked) in (1, 2, 4):
            raise watching.EndedEarly(f"{name} ended before it was measured")
        return watch(name, command, target, **more)

    watch = watching.watch
    monkeypatch.setattr(closed_loop, "watch", held_up)
    monkeypatch.setattr(command.open_loop, "watch", held_up)
    monkeypatch.setattr(command.open_loop, "LONGER_S", 2.0)
    monkeypatch.setattr(closed_loop, "SLACKS_S", (0.3, 1.3, 2.3))
    assert command.run(arguments(), target=python_target) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["closed_loop"]["requests_per_cpu_s"]["isomark"] > 0
    assert asked[:5] == [1, 2, 3, TINY.memory_s, TINY.memory_s + 2]
    assert found["memory"]["connections"] == TINY.many_connections


def broken(*_: object, **__: object) -> EngineOutcome:
    raise ToolBroken("it fell over")


def test_ctrl_c_ends_the_children_and_prints_what_there_is(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.test_generator_benchmark"]
    with Child(tmp_path, words, {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}) as child:
        seen: set[int] = set()

        def a_second_turn_runs() -> bool:
            seen.update(pid for pid in child.processes() if "run_engine" in command_line(pid))
            return len(seen) > len(closed_loop.SLACKS_S) or child.process.poll() is not None

        child.wait_until(a_second_turn_runs, "more runs of the generator than a turn can take")
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
