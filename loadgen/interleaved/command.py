"""`isomark bench interleaved`: several runtimes in turn, kept launch by launch, so that a run can be taken up again."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness import SPECIFICATION, __version__, environment
from harness.errors import ReportFileError, UsageError
from harness.interrupts import endings_as_interrupts
from loadgen.interleaved import extents, journal, pairs, results, resuming, table
from loadgen.interleaved.course import Course, follow
from loadgen.interleaved.journal import Journal
from loadgen.interleaved.messages import End, Head, LaunchDone, LaunchFailed, Line, Resumed
from loadgen.interleaved.subjects import Subject, subjects_of
from loadgen.progress_line import progress_bar
from loadgen.scenarios.command import MOST_LAUNCHES
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.placement import place

INTERRUPTED = 130

NOT_ALL_TIMED = 1

MOST_SEED = (1 << 31) - 1


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 all was measured, 1 something that was to be measured is in no figure, 130 after Ctrl-C.

    After Ctrl-C, and after a request to terminate, the files hold every launch that was finished; `--resume` goes on.
    Raises `UsageError`, `UnknownRuntimeError`, `ToolchainError`, `AlreadyRunning` or `ReportFileError` before anything
    is measured, and `ReportFileError` when the disk is full.
    """
    asked = _asked(arguments)
    try:
        asked.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportFileError(
            f"--out={asked.folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error
    with journal.opened(asked.folder) as kept, endings_as_interrupts():
        head, lines = _begun(asked, kept)
        course = _course(asked, head, lines)
        end = next((line for line in lines if isinstance(line, End)), None)
        why = ""
        if end is None:
            why = _measured(course, kept)
            end = results.environment_and_time(head, now_epoch_s=time.time(), environment=environment.capture())
            if not why:
                kept.write(end)
        whole, loads = results.write(asked.folder, course, head, end, why)
    print(msgspec.json.encode(whole).decode() if asked.as_json else table.render(whole, loads), flush=True)
    if why:
        return INTERRUPTED
    return NOT_ALL_TIMED if results.without_figures(course, loads) else 0


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The command line, understood. `seed`: None where it gives none."""

    subjects: tuple[Subject, ...]
    extents: dict[str, Extent]
    profile: str
    launches: int
    seed: int | None
    folder: Path
    resume: bool
    as_json: bool


def _asked(arguments: argparse.Namespace) -> _Asked:
    if arguments.out is None:
        raise UsageError("isomark bench has nowhere to write to", expected="--out=DIR")
    if arguments.launches is not None and not 1 <= arguments.launches <= MOST_LAUNCHES:
        raise UsageError(f"--launches={arguments.launches} is out of range", expected=f"1 to {MOST_LAUNCHES}")
    if arguments.seed is not None and not 0 <= arguments.seed <= MOST_SEED:
        raise UsageError(f"--seed={arguments.seed} is out of range", expected=f"0 to {MOST_SEED}")
    scenarios = list(dict.fromkeys(arguments.scenarios or extents.EXTENTS))
    found = {name: extents.extent_of(name, arguments.profile, arguments.launches) for name in scenarios}
    return _Asked(
        subjects=subjects_of(arguments.subjects or ()),
        extents=found,
        profile=arguments.profile,
        launches=arguments.launches or extents.LAUNCHES[arguments.profile],
        seed=arguments.seed,
        folder=arguments.out,
        resume=arguments.resume,
        as_json=arguments.format == "json",
    )


def _begun(asked: _Asked, kept: Journal) -> tuple[Head, tuple[Line, ...]]:
    """The head of the run and what is done of it: a run that is taken up again, or a new one."""
    before = kept.kept() if asked.resume else None
    if before is None:
        seed = secrets.randbelow(MOST_SEED + 1) if asked.seed is None else asked.seed
        head = _head(asked, seed, busy_share=environment.busy_share())
        pairs.pairs_of(
            head, asked.subjects, started=time.monotonic()
        )  # refuses what cannot be, before anything is lost
        kept.cut(0)
        results.clear(asked.folder)
        kept.write(head)
        return head, ()
    wanted = _head(asked, before.head.seed if asked.seed is None else asked.seed, busy_share=0.0)
    resuming.require_same(before.head, wanted, str(asked.folder))
    kept.cut(before.size_bytes)
    if not any(isinstance(line, End) for line in before.lines):
        kept.write(Resumed(at=environment.now_utc()))
    return before.head, before.lines


def _head(asked: _Asked, seed: int, *, busy_share: float) -> Head:
    commit, dirty = environment.commit()
    command = environment.command_line()
    return Head(
        seed=seed,
        profile=asked.profile,
        launches=asked.launches,
        subjects=tuple(subject.about for subject in asked.subjects),
        extents=asked.extents,
        placement=place(os.sched_getaffinity(0)),
        suite_version=__version__,
        specification=SPECIFICATION,
        commit=commit,
        dirty=dirty,
        command=command if asked.seed is not None else f"{command} --seed={seed}",
        started=environment.now_utc(),
        started_epoch_s=time.time(),
        busy_share=round(busy_share, 4),
        environment=environment.capture(),
    )


def _course(asked: _Asked, head: Head, lines: tuple[Line, ...]) -> Course:
    """With everything that was measured before."""
    started = time.monotonic() - max(0.0, time.time() - head.started_epoch_s)
    found = pairs.pairs_of(head, asked.subjects, started=started)
    for line in lines:
        if isinstance(line, LaunchDone | LaunchFailed):
            pair = found.get((line.scenario, line.subject))
            if pair is None:
                raise ReportFileError(
                    f"the journal has a launch of {line.subject} in {line.scenario}, which its head does not name",
                    remedy="begin again without --resume",
                )
            pairs.recall(pair, line)
    return Course(pairs=tuple(found.values()), seed=head.seed, launches=head.launches, placement=head.placement)


def _measured(whole: Course, kept: Journal) -> str:
    """Measure what is left; why not to the end, or nothing."""
    try:
        with progress_bar(whole.total()) as show:
            follow(whole, kept, show)
    except KeyboardInterrupt:
        print("isomark bench: interrupted; --resume goes on from here", file=sys.stderr)
        return "interrupted"
    return ""
