"""Load over several Locust processes: the master's counts are the sum of the workers' and those of the target."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.locust_results import LocustResult
from tests.counting import CountingTarget, counting
from tests.locust_run import LocustRun, get_json, reserved_port
from tests.test_vector_user import VERIFYING, to


def assert_exact(result: LocustResult, target: CountingTarget, *, runs: int = 1) -> None:
    assert result.complete, result.why_incomplete
    assert not result.counts.errors
    assert sum(worker.counts.requests for worker in result.workers) == result.counts.requests
    assert result.counts.requests == target.answered - runs * VERIFYING > 0


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


def processes(port: int) -> tuple[str, ...]:
    return ("--processes=2", f"--master-bind-port={port}", f"--master-port={port}", "--users=2", "--spawn-rate=2")


@contextlib.contextmanager
def master_and_workers(
    folder: Path, port: int, *options: str, headless: bool = True
) -> Iterator[tuple[LocustRun, list[LocustRun]]]:
    """A master that begins with its second worker, and two workers that know nothing but where it is."""
    with contextlib.ExitStack() as stack:
        waits = ("--expect-workers=2", "--users=2", "--spawn-rate=2") if headless else ()
        master = LocustRun(
            folder / "master", "--master", f"--master-bind-port={port}", *waits, *options, headless=headless
        )
        stack.enter_context(master)
        workers = [
            stack.enter_context(
                LocustRun(folder / f"worker-{number}", "--worker", f"--master-port={port}", headless=False)
            )
            for number in range(2)
        ]
        yield master, workers


def test_two_forked_workers_share_one_schedule(tmp_path: Path, port: int) -> None:
    options = ("--arrivals=constant:301/s,duration=1s", f"--csv={tmp_path / 'x'}")
    with counting() as target, LocustRun(tmp_path / "run", *to(target, *options), *processes(port)) as run:
        assert run.ended() == 0, run.output()
        result = run.result()
        assert_exact(result, target)
        assert sorted(worker.counts.requests for worker in result.workers) == [150, 151]
        assert run.total(tmp_path / "x")["Request Count"] == "301"
        intervals = hlog.read((run.out / "response.hlog").read_text())["response"]
        whole = LatencyHistogram.merged(each.histogram for each in intervals)
        assert len(whole) == 301
        assert whole.value_at(0.99) == result.response_ns["p99"]
        assert [name.name for name in run.out.iterdir() if name.suffix == ".json"] == ["locust.json"]


def test_one_user_is_enough_for_all_workers_to_take_their_share(tmp_path: Path, port: int) -> None:
    options = ("--arrivals=constant:200/s,duration=1s", "--users=1")
    with counting() as target, LocustRun(tmp_path / "run", *to(target), *processes(port), *options) as run:
        assert run.ended() == 0, run.output()
        assert [worker.counts.requests for worker in run.result().workers] == [100, 100]
        assert_exact(run.result(), target)


@pytest.mark.parametrize("ending", ["run time", "SIGINT to all", "SIGTERM to the master"])
def test_forked_workers_of_a_closed_loop_are_counted_to_the_last_request(
    tmp_path: Path, port: int, ending: str
) -> None:
    options = (*processes(port), f"--csv={tmp_path / 'x'}", *(["--run-time=3s"] if ending == "run time" else []))
    with counting() as target, LocustRun(tmp_path / "run", *to(target, *options)) as run:
        if ending != "run time":
            target.await_answered(1000)
        if ending == "SIGINT to all":
            run.interrupt()
        elif ending == "SIGTERM to the master":
            run.process.send_signal(signal.SIGTERM)
        assert run.ended() == 0, run.output()
        assert_exact(run.result(), target)
        assert len(run.result().workers) == 2
        assert run.total(tmp_path / "x")["Request Count"] == str(run.result().counts.requests)
        run.wait_until(lambda: not run.leftovers(), "processes and folders to be gone")


def test_a_master_and_two_workers_end_with_the_same_counts(tmp_path: Path, port: int) -> None:
    with counting() as target, master_and_workers(tmp_path, port, *to(target)) as (master, workers):
        target.await_answered(1000)
        master.process.send_signal(signal.SIGINT)
        assert master.ended() == 0, master.output()
        assert_exact(master.result(), target)
        for worker in workers:
            assert worker.ended() == 0, worker.output()
            assert not worker.out.exists(), "results are the master's to write"


def test_a_killed_worker_makes_the_result_incomplete(tmp_path: Path, port: int) -> None:
    with counting() as target, master_and_workers(tmp_path, port, *to(target)) as (master, workers):
        target.await_answered(1000)
        workers[0].process.send_signal(signal.SIGKILL)
        workers[0].ended()
        master.wait_until(lambda: "failed to send heartbeat" in master.output(), "the master to miss its worker")
        target.await_answered(target.answered + 100)
        master.process.send_signal(signal.SIGINT)
        assert master.ended() == 1, master.output()
        result = master.result()
        assert not result.complete
        assert "no heartbeat, no last report" in result.why_incomplete
        assert "INCOMPLETE" in master.output()
        assert sorted(worker.final for worker in result.workers) == [False, True]
        assert 0 < result.counts.requests <= target.answered - VERIFYING
        assert sum(worker.counts.requests for worker in result.workers) == result.counts.requests
        survivor = next(worker for worker in result.workers if worker.final)
        assert survivor.counts.requests > 0


def test_an_open_loop_whose_worker_is_killed_ends_by_itself(tmp_path: Path, port: int) -> None:
    arrivals = "--arrivals=constant:100/s,duration=8s"
    with counting() as target, master_and_workers(tmp_path, port, *to(target, arrivals)) as (master, workers):
        target.await_answered(100)
        workers[0].process.send_signal(signal.SIGKILL)
        assert master.ended() == 1, master.output()
        result = master.result()
        assert not result.complete
        assert max(worker.counts.requests for worker in result.workers if worker.final) == 400
        assert result.counts.requests <= target.answered - VERIFYING


def test_runs_from_the_page_are_counted_each_by_itself(tmp_path: Path, port: int) -> None:
    with (
        reserved_port() as web,
        counting() as target,
        master_and_workers(tmp_path, port, *to(target, f"--web-port={web}"), headless=False) as (master, _workers),
    ):
        both_there(master, web)
        for run in (1, 2):
            before = target.answered
            assert get_json(web, "/swarm", form=b"user_count=2&spawn_rate=2")["success"]
            target.await_answered(before + 500)
            assert get_json(web, "/stop", form=b"")["success"]
            result = master.result()
            assert result.complete, result.why_incomplete
            assert result.counts.requests == target.answered - before - VERIFYING
            counted = result.counts.requests
            master.wait_until(lambda counted=counted: shown(web) == counted, "the page to show what was counted")
            assert len(result.workers) == 2
            (master.out / "locust.json").rename(tmp_path / f"run-{run}.json")
            both_there(master, web)


def shown(web: int) -> int:
    """The requests that the page shows in all; it looks again every other second."""
    number: int = get_json(web, "/stats/requests")["stats"][-1]["num_requests"]
    return number


def both_there(master: LocustRun, web: int) -> None:
    """Wait until the master's page is there and has two workers that are ready."""

    def ready() -> bool:
        with contextlib.suppress(OSError):
            workers = get_json(web, "/stats/requests").get("workers", [])
            return [worker["state"] for worker in workers] == ["ready", "ready"]
        return False

    master.wait_until(ready, "two workers that are ready")


def test_two_processes_launch_one_runtime(tmp_path: Path, port: int) -> None:
    options = ("--runtime=node", "--connections=2", "--warm-up=0", "--arrivals=constant:100/s,duration=1s")
    with LocustRun(tmp_path / "run", *options, *processes(port)) as run:
        assert run.ended() == 0, run.output()
        result = run.result()
        assert (result.complete, result.runtime, result.counts.requests) == (True, "node", 100)
        assert len(result.workers) == 2
        run.wait_until(lambda: not run.leftovers(), "processes and folders to be gone")
