"""A run that is cut short keeps what is finished, and goes on from there: by Ctrl-C, by SIGKILL, by a full disk."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.adapters.node import NodeRuntime
from harness.errors import AlreadyRunning, ReportFileError, StartError
from harness.interleaved_results import JOURNAL_FILE as JOURNAL
from harness.interleaved_results import read_interleaved
from loadgen.interleaved import journal
from loadgen.interleaved.command import INTERRUPTED
from loadgen.interleaved.messages import Resumed
from tests.child_run import Child
from tests.interleaved_runs import (
    HERE,
    LAUNCHES,
    SMALL,
    TWO,
    Eventful,
    contents,
    copy_of,
    failures,
    launches,
    lines,
    load,
    loads,
    ran,
    report,
    words,
)

pytestmark = pytest.mark.usefixtures("small_runs")

ALL = {(scenario, subject, number): 1 for scenario in TWO for subject in ("one", "node") for number in (1, 2, 3)}


def in_order(out: Path) -> list[tuple[str, str, int]]:
    """The launches as the report's order has them."""
    found = []
    for number, line in enumerate(report(out).order, 1):
        names = line.partition(": ")[2].split()
        found += [(*name.split("/"), number) for name in names]
    return found


def child(folder: Path, out: Path, *more: str) -> Child:
    return Child(folder, [sys.executable, "-m", HERE, *words(out, *more)], {})


def test_after_sigkill_every_launch_is_there_exactly_once(tmp_path: Path, whole: Path) -> None:
    """In the same order as without; what was there before is not touched; and nothing is left running."""
    out = tmp_path / "out"
    with child(tmp_path / "child", out) as running:
        running.wait_until(lambda: (out / JOURNAL).exists() and len(lines_of_now(out)) > 4, "four launches")
        running.process.kill()
        running.ended()
        running.wait_until(lambda: not running.leftovers(), "processes and folders to be gone")
    kept = (out / JOURNAL).read_bytes()
    done = kept[: kept.rindex(b"\n") + 1]
    before = len(done.splitlines()) - 1
    assert 4 <= before < len(ALL), "it was killed in the middle"
    assert not (out / "interleaved.json").exists()
    assert ran(out, "--resume", seed=None) == 0
    assert (out / JOURNAL).read_bytes().startswith(done)
    assert [line["kind"] for line in lines(out)][1 + before] == "resumed"
    assert Counter(launches(out)) == ALL
    assert launches(out) == launches(whole), "the seed gives the same order"
    assert in_order(out) == launches(out)
    found = report(out)
    assert (found.complete, found.launches, found.excluded, found.run.seed) == (True, LAUNCHES, (), 7)
    for each, _ in loads(out, found).values():
        assert (each.complete, each.launches, each.run.seed) == (True, LAUNCHES, 7)
        assert [cell.turns for cell in each.cells] == [LAUNCHES * SMALL[each.scenario].rounds] * len(each.cells)


def lines_of_now(out: Path) -> list[bytes]:
    """The whole lines of a journal that somebody is writing to."""
    return (out / JOURNAL).read_bytes().split(b"\n")[:-1]


def test_a_run_that_is_complete_is_not_measured_again_and_writes_the_same_files(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copy_of(whole, tmp_path)
    for path in out.rglob("*"):
        if path.is_file() and path.name != JOURNAL:
            path.unlink()
    monkeypatch.setattr(Eventful, "EVENT", forbidden)
    monkeypatch.setattr(NodeRuntime, "launch", forbidden)
    assert ran(out, "--resume") == 0
    assert contents(out) == contents(whole)


def forbidden(*_: object) -> None:
    raise AssertionError("nothing was to be launched")


def test_resuming_where_nothing_is_begins(tmp_path: Path) -> None:
    assert ran(tmp_path, "--resume", "--launches=1", scenarios=["warm"]) == 0
    assert report(tmp_path).complete
    assert [line["kind"] for line in lines(tmp_path)] == ["head", "launch", "launch", "end"]


@pytest.mark.parametrize("cut", ["before its end", "at its line break", "at its first byte", "in the middle"])
def test_a_torn_last_line_is_dropped_and_measured_again(tmp_path: Path, whole: Path, cut: str) -> None:
    out = copy_of(whole, tmp_path)
    data = (out / JOURNAL).read_bytes()
    *head, last, end = data.splitlines(keepends=True)
    assert b'"kind":"end"' in end
    torn = {
        "before its end": last[:-2],
        "at its line break": last[:-1],
        "at its first byte": last[:1],
        "in the middle": last[: len(last) // 2],
    }[cut]
    (out / JOURNAL).write_bytes(b"".join(head) + torn)
    assert ran(out, "--resume") == 0
    after = (out / JOURNAL).read_bytes()
    assert after.startswith(b"".join(head))
    assert launches(out) == launches(whole)
    assert report(out).complete
    assert [line["kind"] for line in lines(out)][len(head) :] == ["resumed", "launch", "end"]


def test_a_torn_head_is_no_run(tmp_path: Path, whole: Path) -> None:
    head = (whole / JOURNAL).read_bytes().splitlines()[0]
    (tmp_path / JOURNAL).write_bytes(head)
    assert ran(tmp_path, "--resume", "--launches=1", scenarios=["warm"]) == 0
    assert [line["kind"] for line in lines(tmp_path)] == ["head", "launch", "launch", "end"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_finished_is_kept_when_a_run_is_asked_to_end(
    tmp_path: Path, whole: Path, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def at_the_fourth_launch(launch: int, _workers: tuple[str, ...]) -> None:
        if launch == 4:
            signal.raise_signal(number)

    monkeypatch.setattr(Eventful, "EVENT", at_the_fourth_launch)
    assert ran(tmp_path) == INTERRUPTED
    assert "--resume goes on from here" in capsys.readouterr().err
    kept = launches(tmp_path)
    assert Counter(subject for _, subject, _ in kept)["one"] == 3
    found = report(tmp_path)
    assert not found.complete
    assert found.why_incomplete == f"{found.launches} of 3 rounds were measured to their end: interrupted"
    assert in_order(tmp_path) == kept == launches(whole)[: len(kept)]
    for pair, (each, _) in loads(tmp_path, found).items():
        assert each.launches == sum((scenario, subject) == pair for scenario, subject, _ in kept)
        assert each.complete == (each.launches == LAUNCHES)
    monkeypatch.setattr(Eventful, "EVENT", None)
    assert ran(tmp_path, "--resume") == 0
    assert launches(tmp_path) == launches(whole)
    assert report(tmp_path).complete


def test_a_failure_is_not_forgotten_over_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failed attempt before and one after it are two in a row."""

    def fail_and_be_interrupted(launch: int, _workers: tuple[str, ...]) -> None:
        if launch == 2:
            signal.raise_signal(signal.SIGINT)
        raise RuntimeError("no")

    monkeypatch.setattr(Eventful, "EVENT", fail_and_be_interrupted)
    assert ran(tmp_path, scenarios=["warm"]) == INTERRUPTED
    assert failures(tmp_path) == [("warm", "one", 1, 1)]
    monkeypatch.setattr(Eventful, "EVENT", lambda *_: (_ for _ in ()).throw(RuntimeError("still no")))
    assert ran(tmp_path, "--resume", scenarios=["warm"]) == 1
    assert failures(tmp_path) == [("warm", "one", 1, 1), ("warm", "one", 1, 2)]
    assert report(tmp_path).excluded[-1].what == "every launch"
    assert load(tmp_path, "warm", "one").launches == 0


def test_a_full_disk_is_told_and_the_journal_ends_with_a_whole_line(tmp_path: Path, whole: Path) -> None:
    """The process may write files of so many bytes; with room again the run goes on."""
    out = tmp_path / "out"
    data = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    room = sum(map(len, data[:4])) + len(data[4]) // 2  # a head, three launches, and a part of the fourth
    limited = [sys.executable, "-c", LIMITED.format(room=room), *words(out)]
    with Child(tmp_path / "child", limited, {}) as running:
        assert running.ended() == ReportFileError.exit_code, running.output()
        assert f"{JOURNAL} cannot be written: File too large" in running.output()
        assert "go on with --resume; every launch that was finished is kept" in running.output()
        running.wait_until(lambda: not running.leftovers(), "processes and folders to be gone")
    kept = (out / JOURNAL).read_bytes()
    assert kept.endswith(b"\n")
    assert 1 < len(kept.splitlines()) < len(data)
    assert ran(out, "--resume") == 0
    assert (out / JOURNAL).read_bytes().startswith(kept)
    assert Counter(launches(out)) == ALL


def test_a_line_is_on_the_disk_before_the_next_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk does not take it, the journal is as it was before it."""
    with journal.opened(tmp_path) as kept:
        kept.write(Resumed(at="now"))
        before = (tmp_path / JOURNAL).read_bytes()

        def full(_descriptor: int) -> None:
            assert (tmp_path / JOURNAL).read_bytes() != before
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fdatasync", full)
        with pytest.raises(ReportFileError, match="No space left"):
            kept.write(Resumed(at="later"))
    assert (tmp_path / JOURNAL).read_bytes() == before


LIMITED = """
import resource, sys
from tests import interleaved_runs
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, resource.RLIM_INFINITY))
sys.exit(interleaved_runs.main())
"""


def wrapped(number: int) -> None:
    """As an adapter would tell it."""
    try:
        raise OSError(number, os.strerror(number))
    except OSError as error:
        raise StartError("its folder cannot be made") from error


def bare(number: int) -> None:
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize(("fail", "number"), [(bare, errno.ENOSPC), (wrapped, errno.ENOSPC), (bare, errno.EMFILE)])
def test_no_room_for_a_launch_is_nobodys_failure(
    tmp_path: Path,
    whole: Path,
    fail: Callable[[int], None],
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full folder of temporary files ends the run; with room again it goes on and measures all that was left."""

    def full_at_the_fourth_launch(launch: int, _workers: tuple[str, ...]) -> None:
        if launch >= 4:
            fail(number)

    monkeypatch.setattr(Eventful, "EVENT", full_at_the_fourth_launch)
    assert ran(tmp_path) == ReportFileError.exit_code
    assert f"nothing more can be launched: {os.strerror(number)}" in capsys.readouterr().err
    assert {line["kind"] for line in lines(tmp_path)} == {"head", "launch"}
    monkeypatch.setattr(Eventful, "EVENT", None)
    assert ran(tmp_path, "--resume") == 0
    assert launches(tmp_path) == launches(whole)
    assert report(tmp_path).complete


def test_two_runs_in_one_folder_are_one_too_many(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = copy_of(whole, tmp_path)
    before = contents(out)
    with (out / JOURNAL).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for more in ((), ("--resume",)):
            assert ran(out, *more) == AlreadyRunning.exit_code
            assert "another run is writing to" in capsys.readouterr().err
    assert contents(out) == before
    assert read_interleaved(out / "interleaved.json").complete
