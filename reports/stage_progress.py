"""What a long command is doing: a line with a bar and the time left on a terminal, else a plain line per stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class StageProgress(Protocol):
    """Told by whoever does the work; never asked."""

    def stage(self, words: str, *, number: int, of: int) -> None:
        """A stage begins."""
        ...

    def at(self, done: int, total: int | None) -> None:
        """How far the stage is; no total where that is not known."""
        ...

    def say(self, words: str) -> None:
        """A line that stays."""
        ...


@contextmanager
def shown(command: str) -> Iterator[StageProgress]:
    """Progress on standard error. On a terminal it is gone in the end."""
    if not sys.stderr.isatty():
        yield _Lines(command)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield _Bars(command, progress)


class _Lines:
    def __init__(self, command: str) -> None:
        self._command = command

    def stage(self, words: str, *, number: int, of: int) -> None:
        self.say(f"{number} of {of}: {words}")

    def at(self, done: int, total: int | None) -> None:
        pass

    def say(self, words: str) -> None:
        print(f"{self._command}: {words}", file=sys.stderr, flush=True)


class _Bars:
    def __init__(self, command: str, progress: Progress) -> None:
        self._command = command
        self._progress = progress
        self._task: TaskID | None = None

    def stage(self, words: str, *, number: int, of: int) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(f"{number} of {of}: {words}", total=None, count="")

    def at(self, done: int, total: int | None) -> None:
        if self._task is not None:
            count = str(done) if total is None else f"{done}/{total}"
            self._progress.update(self._task, completed=done, total=total, count=count)

    def say(self, words: str) -> None:
        self._progress.console.print(f"{self._command}: {words}", markup=False, highlight=False)
