"""What is going on, on a line of its own on standard error; where that is no terminal, nothing.

Drawn only when there is news: a thread that redraws would take time from what is being measured.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

Progress = Callable[[str], None]


class Bar(Protocol):
    """Shows how much is done of a known amount, and how long the rest will take; `left_s` is None for not known."""

    def __call__(self, what: str, *, done: int, left_s: float | None) -> None: ...


@contextlib.contextmanager
def progress_line() -> Iterator[Progress]:
    """Shows what it is told, and is gone in the end."""
    with _display(total=None) as show:
        yield lambda what: show(what, done=0, left_s=None)


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Bar]:
    """The same with a bar and the time left."""
    with _display(total=total) as show:
        yield show


@contextlib.contextmanager
def _display(*, total: int | None) -> Iterator[Bar]:
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console  # not needed, and so not loaded, where nobody looks
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Display

    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False)]
    if total is not None:
        columns = [BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.fields[left]}"), *columns]
    console = Console(file=sys.stderr, force_terminal=True)
    display = Display(*columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False)
    with display:
        task = display.add_task("", total=total, left="")

        def show(what: str, *, done: int, left_s: float | None) -> None:
            left = "" if left_s is None else f"{words_of(left_s)} left"
            display.update(task, description=what, completed=done, left=left, refresh=True)

        yield show


def words_of(seconds: float) -> str:
    """Minutes and seconds; from an hour on, hours too."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _nothing(what: str, *, done: int, left_s: float | None) -> None:
    """Nobody looks."""
