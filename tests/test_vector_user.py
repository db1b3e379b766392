"""Locust alone with a `VectorUser`: what it counts is what the target counts, and what it shows is what was measured.

Locust runs in child processes only: importing it patches the process that does.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.locust_results import FiguresOf
from loadgen.load_scenarios import BURN_RESULT, BURN_ROUNDS
from tests.counting import GREETING, CountingTarget, counting
from tests.locust_run import LocustRun

VERIFYING = 1
"""Requests before a run that ask whether the target's answer is right."""


def to(target: CountingTarget, *options: str) -> tuple[str, ...]:
    return (f"--target={target.url}", "--scenario=warm", "--connections=4", "--warm-up=0", *options)


def test_an_open_loop_ends_by_itself_and_everybody_counts_the_same(tmp_path: Path) -> None:
    with (
        counting() as target,
        LocustRun(
            tmp_path / "run", *to(target, "--arrivals=constant:300/s,duration=1s", f"--csv={tmp_path / 'x'}")
        ) as run,
    ):
        assert run.ended() == 0, run.output()
        result = run.result()
        assert result.complete
        assert result.counts.requests == result.counts.scheduled == 300 == target.answered - VERIFYING
        assert result.counts.dropped == result.counts.censored == 0
        assert run.total(tmp_path / "x")["Request Count"] == "300"
        assert "300 right, 0 failed" in run.output()
        assert "the generator" in run.output(), "the saturation verdict is printed with every result"


def test_locusts_files_show_fractions_of_a_millisecond(tmp_path: Path) -> None:
    with (
        counting() as target,
        LocustRun(
            tmp_path / "run", *to(target, "--arrivals=constant:300/s,duration=1s", f"--csv={tmp_path / 'x'}")
        ) as run,
    ):
        assert run.ended() == 0, run.output()
        total, result = run.total(tmp_path / "x"), run.result()
        assert float(total["100%"]) == pytest.approx(result.response_ns["max"] / 1e6, rel=0.006)
        assert float(total["Max Response Time"]) == pytest.approx(result.response_ns["max"] / 1e6, rel=0.001)
        assert any(float(total[name]) % 1 for name in ("50%", "66%", "75%", "80%"))
        assert float(total["Average Response Time"]) > 0


def test_the_histogram_files_hold_every_answer_once(tmp_path: Path) -> None:
    with (
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, "--arrivals=poisson:150/s,duration=2s,seed=5")) as run,
    ):
        assert run.ended() == 0, run.output()
        result = run.result()
        for kind in ("response", "service"):
            intervals = hlog.read((run.out / f"{kind}.hlog").read_text())[kind]
            assert len(intervals) >= 2
            whole = LatencyHistogram.merged(each.histogram for each in intervals)
            assert len(whole) == result.counts.requests == target.answered - VERIFYING
            assert whole.value_at(0.99) == getattr(result, f"{kind}_ns")["p99"]
            assert f"Total count    = {len(whole):12d}]" in (run.out / f"{kind}.hgrm").read_text()


def test_failures_are_counted_by_class(tmp_path: Path) -> None:
    wrong = {"status": 0, "body": 0}

    def answer(number: int) -> tuple[int, bytes]:
        if number % 5 == 0:
            wrong["status"] += 1
            return 503, GREETING
        if number % 7 == 0:
            wrong["body"] += 1
            return 200, b"{}"
        return 200, GREETING

    with (
        counting(answer) as target,
        LocustRun(
            tmp_path / "run", *to(target, "--arrivals=constant:300/s,duration=1s", f"--csv={tmp_path / 'x'}")
        ) as run,
    ):
        assert run.ended() == 1, "Locust's exit code of a run with failures"
        counts = run.result().counts
        assert counts.errors == {"wrong-status": wrong["status"], "not-the-greeting": wrong["body"]}
        assert run.failures(tmp_path / "x") == counts.errors
        assert counts.requests + sum(wrong.values()) == target.answered - VERIFYING == 300
        total = run.total(tmp_path / "x")
        assert (total["Request Count"], total["Failure Count"]) == ("300", str(sum(wrong.values())))


def test_a_closed_loop_runs_for_the_run_time_and_drains(tmp_path: Path) -> None:
    with (
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, "--run-time=2s", f"--csv={tmp_path / 'x'}")) as run,
    ):
        assert run.ended() == 0, run.output()
        result = run.result()
        assert result.complete
        assert result.counts.requests == target.answered - VERIFYING > 0
        assert run.total(tmp_path / "x")["Request Count"] == str(result.counts.requests)


def test_what_the_warm_up_does_is_in_no_histogram(tmp_path: Path) -> None:
    options = ("--arrivals=constant:100/s,duration=2s", "--warm-up=1")
    with counting() as target, LocustRun(tmp_path / "run", *to(target, *options)) as run:
        assert run.ended() == 0, run.output()
        counts = run.result().counts
        assert (counts.warm_up, counts.requests, target.answered - VERIFYING) == (100, 100, 200)


def test_an_open_loop_that_ends_in_its_warm_up_has_no_figures(tmp_path: Path) -> None:
    options = ("--arrivals=constant:200/s,duration=1h", "--warm-up=600")
    with counting() as target, LocustRun(tmp_path / "run", *to(target, *options)) as run:
        target.await_answered(100)
        run.interrupt()
        assert run.ended() == 0, run.output()
        result = run.result()
        assert (result.complete, result.started, result.figures_of) == (True, "", FiguresOf.NOBODY)
        assert (result.counts.warm_up, result.counts.requests) == (target.answered - VERIFYING, 0)


def test_a_closed_loop_that_ends_in_its_warm_up_is_counted_too(tmp_path: Path) -> None:
    with counting() as target, LocustRun(tmp_path / "run", *to(target, "--warm-up=600")) as run:
        target.await_answered(100)
        run.interrupt()
        assert run.ended() == 0, run.output()
        counts = run.result().counts
        assert counts.warm_up + counts.requests == target.answered - VERIFYING


def test_an_interrupted_run_keeps_its_results(tmp_path: Path) -> None:
    with counting() as target, LocustRun(tmp_path / "run", *to(target)) as run:
        target.await_answered(500)
        run.interrupt()
        assert run.ended() == 0, run.output()
        result = run.result()
        assert result.complete
        assert result.counts.requests == target.answered - VERIFYING >= 499


def test_an_open_loop_that_is_cut_short_says_what_was_not_sent(tmp_path: Path) -> None:
    with (
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, "--arrivals=constant:200/s,duration=10min")) as run,
    ):
        target.await_answered(100)
        run.interrupt()
        assert run.ended() == 0, run.output()
        result = run.result()
        counts = result.counts
        assert result.planned == 120_000
        assert counts.requests == target.answered - VERIFYING
        assert counts.scheduled == counts.requests + counts.dropped
        assert counts.censored == 0
        assert counts.scheduled < result.planned / 2, "dropped is what came due in the last poll, and no more"
        assert f"due {counts.scheduled} of 120000 planned" in run.output()


def test_the_run_time_is_the_duration_of_a_schedule_that_has_none(tmp_path: Path) -> None:
    """And the schedule is not cut short by Locust's clock, which starts before it."""
    with (
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, "--arrivals=constant:100/s", "--run-time=2s")) as run,
    ):
        assert run.ended() == 0, run.output()
        counts = run.result().counts
        assert (counts.requests, counts.dropped) == (200, 0)
        assert target.answered - VERIFYING == 200


def test_each_user_of_a_closed_loop_has_its_own_connections(tmp_path: Path) -> None:
    with counting() as target, LocustRun(tmp_path / "run", *to(target, "--users=3", "--spawn-rate=3")) as run:
        run.wait_until(lambda: target.in_use >= 3 * 4, "three users")
        run.interrupt()
        assert run.ended() == 0, run.output()
        counts = run.result().counts
        assert counts.connects == 3 * 4
        assert counts.requests == target.answered - VERIFYING


SHAPE = """
from pathlib import Path
from locust import LoadTestShape

class UpAndDown(LoadTestShape):
    def tick(self):
        users = int(Path({path!r}).read_text())
        return (users, 10) if users else None
"""


def test_a_load_shape_changes_the_number_of_connections(tmp_path: Path) -> None:
    shape, users = tmp_path / "shape.py", tmp_path / "users"
    shape.write_text(SHAPE.format(path=str(users)))

    def tell(number: int) -> None:
        (tmp_path / "next").write_text(str(number))
        (tmp_path / "next").rename(users)

    tell(1)
    with counting() as target, LocustRun(tmp_path / "run", *to(target), files=(shape,)) as run:
        for now, then in ((1, 3), (3, 1), (1, 0)):
            run.wait_until(lambda now=now: target.in_use == 4 * now, f"connections of {now} users")
            tell(then)
        assert run.ended() == 0, run.output()
        counts = run.result().counts
        assert counts.connects == 3 * 4
        assert counts.requests == target.answered - VERIFYING


def test_an_open_loop_is_dealt_once_whatever_the_number_of_users(tmp_path: Path) -> None:
    options = ("--arrivals=constant:200/s,duration=1s", "--users=3", "--spawn-rate=3")
    with counting() as target, LocustRun(tmp_path / "run", *to(target, *options)) as run:
        assert run.ended() == 0, run.output()
        assert run.result().counts.scheduled == target.answered - VERIFYING == 200


def test_a_target_that_gives_another_answer_is_not_timed(tmp_path: Path) -> None:
    with counting(lambda _: (200, b"something else")) as target, LocustRun(tmp_path / "run", *to(target)) as run:
        assert run.ended() == 25, run.output()
        assert "not-the-greeting" in run.output()
        assert "nothing was timed" in run.output()
        assert target.answered == VERIFYING
        assert not run.out.exists()


def test_without_a_scenario_any_answer_to_get_is_right(tmp_path: Path) -> None:
    options = ("--arrivals=constant:100/s,duration=1s", "--warm-up=0")
    with (
        counting(lambda _: (200, b"something else")) as target,
        LocustRun(tmp_path / "run", f"--target={target.url}", *options) as run,
    ):
        assert run.ended() == 0, run.output()
        assert run.result().counts.requests == 100


def test_a_run_that_nobody_answers_has_no_figures(tmp_path: Path) -> None:
    """A target that dies after it was verified: the schedule goes on, every request is an error of its class."""
    with (
        counting(last=VERIFYING + 10) as target,
        LocustRun(tmp_path / "run", *to(target, "--arrivals=steps:100x100ms,0x1s,100x1s")) as run,
    ):
        assert run.ended() == 1, run.output()
        counts = run.result().counts
        assert counts.requests == 10
        assert sum(counts.errors.values()) == 100
        assert set(counts.errors) <= {"refused", "reset", "closed"}
        assert counts.errors["refused"] > 0


@pytest.mark.parametrize("options", [(), ("--arrivals=constant:5/s,duration=1h",)], ids=["closed", "open"])
def test_an_engine_that_fails_ends_the_run_as_incomplete(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Here because its connections are more than the process may have open files."""
    with (
        counting() as target,
        LocustRun(tmp_path / "run", *to(target, "--connections=500", *options), most_open_files=300) as run,
    ):
        assert run.ended() == 1, run.output()
        assert not run.result().complete
        assert "500 connections need more open files" in run.result().why_incomplete
        assert target.answered == VERIFYING


@pytest.mark.parametrize(
    ("option", "code", "words"),
    [
        ("--scenario=wram", 20, "did you mean 'warm'?"),
        ("--runtime=workred", 22, "did you mean 'workerd'?"),
        ("--arrivals=constnt:5/s", 20, "did you mean 'constant'?"),
        ("--arrivals=constant:5", 20, "'5' is no rate"),
        ("--target=http://192.0.2.1:80", 20, "not this machine"),
        ("--target=https://example.com", 20, "not this machine"),
        ("--runtime=node", 20, "both --runtime and --target"),
        ("--arrivals=constant:5/s", 20, "a schedule without a duration"),
        ("--connections=0", 2, "expected at least 1"),
    ],
)
def test_bad_words_end_it_with_the_near_miss(tmp_path: Path, option: str, code: int, words: str) -> None:
    with counting() as target, LocustRun(tmp_path / "run", f"--target={target.url}", option) as run:
        assert run.ended() == code, run.output()
        assert words in run.output()
        assert "Traceback" not in run.output()
        assert target.answered == 0


def test_nothing_to_measure_is_an_error(tmp_path: Path) -> None:
    with LocustRun(tmp_path / "run") as run:
        assert run.ended() == 20
        assert "there is nothing to send load to" in run.output()


@pytest.mark.parametrize("ending", ["run time", "SIGINT", "SIGTERM", "SIGKILL"])
def test_a_launched_runtime_serves_and_is_gone_afterwards(tmp_path: Path, ending: str) -> None:
    options = ("--runtime=node", "--scenario=burn", "--connections=2", "--warm-up=0", f"--csv={tmp_path / 'x'}")
    with LocustRun(tmp_path / "run", *options, *(["--run-time=2s"] if ending == "run time" else [])) as run:
        if ending != "run time":
            run.wait_until(lambda: run.measuring(tmp_path / "x") or run.process.poll() is not None, "load")
            assert len(run.processes()) > 1, "the runtime is found by its folder"
            run.process.send_signal(getattr(signal, ending))
        code = run.ended()
        run.wait_until(lambda: not run.leftovers(), "processes and folders to be gone")
        if ending == "SIGKILL":
            return
        assert code == 0, run.output()
        result = run.result()
        assert (result.runtime, result.scenario, result.complete) == ("node", "burn", True)
        assert result.counts.requests > 0
        assert not result.counts.errors
        assert result.figures_of is not FiguresOf.NOBODY


def test_what_burn_answers_is_what_its_rounds_come_to() -> None:
    """The Worker's arithmetic, done here with 32-bit integers."""
    state = 0x9E3779B9
    for _ in range(BURN_ROUNDS):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
    assert state == BURN_RESULT < 1 << 31, "else the Worker's last exclusive or makes it negative"
