"""journal.jsonl, the raw record of a load: a line for each launch, with what every turn of it counted.

Read here without the load generator, and only what figures are made from, so that these are computed a second time in
another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import ReportFileError
from harness.histograms.histogram import LatencyHistogram
from harness.interleaved_results import JOURNAL_SCHEMA


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    pass


class Head(_Line, frozen=True, kw_only=True, tag="head"):
    """What the run was begun with; the rest of it is in `interleaved.json` too and held against that."""

    schema: str
    seed: int
    profile: str
    subjects: tuple[dict[str, Any], ...]
    suite_version: str
    specification: str
    commit: str
    dirty: bool
    command: str
    started: str
    environment: dict[str, Any]


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    counts: str
    out_of_range: int = 0

    def unpacked(self) -> LatencyHistogram:
        """Raises `ValueError` for a damaged one."""
        return LatencyHistogram.from_encoded(self.counts)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Of one turn. Times in nanoseconds; `wall_ns` is what its right answers in time are a rate of."""

    response: Histogram
    service: Histogram
    requests: int
    drained: int = 0
    carried_over: int = 0
    errors: dict[str, int]
    warm_up: int
    warm_up_errors: dict[str, int]
    scheduled: int
    late: int
    behind: int
    censored: int
    dropped: int
    wall_ns: int

    @property
    def in_time(self) -> int:
        """Right answers that came in `wall_ns`, whenever they were asked for."""
        return self.requests - self.drained + self.carried_over


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    tally: Tally
    discarded: dict[str, int] = {}
    saturated: bool = False
    observed: dict[str, float] = {}


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    turns: tuple[Turn, ...] = ()
    refused: str = ""


class Launch(_Line, frozen=True, kw_only=True, tag="launch"):
    """One that was measured to its end. `number`: of its round."""

    scenario: str
    subject: str
    number: int
    order: tuple[str, ...]
    cells: dict[str, Cell]
    left_out: dict[str, str] = {}


class Failed(_Line, frozen=True, kw_only=True, tag="failed"):
    scenario: str
    subject: str
    number: int


class Resumed(_Line, frozen=True, kw_only=True, tag="resumed"):
    pass


class End(_Line, frozen=True, kw_only=True, tag="end"):
    duration_s: float
    environment_after: dict[str, Any]


_Any = Launch | Failed | Resumed | End


@dataclass(frozen=True, kw_only=True)
class Journal:
    """`launches` by scenario and subject's slug, in the order in which they were made. `end`: None if cut short."""

    head: Head
    launches: Mapping[tuple[str, str], tuple[Launch, ...]]
    rounds: tuple[str, ...]
    """A line for each round with what was launched in it, as in `interleaved.json`."""
    end: End | None


def read(path: Path) -> Journal:
    """A last line that was torn off is no part of it. Raises `ReportFileError`."""
    try:
        first, *rest = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise ReportFileError(f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ReportFileError("it has no whole line") from error
    head: Head = _decoded(first, 1, Head)
    if head.schema != JOURNAL_SCHEMA:
        raise ReportFileError(f"its schema is {head.schema!r}", expected=repr(JOURNAL_SCHEMA))
    lines: list[_Any] = [_decoded(line, number, _Any) for number, line in enumerate(rest, 2)]
    launches: dict[tuple[str, str], list[Launch]] = {}
    rounds: dict[int, dict[str, None]] = {}
    for line in lines:
        if isinstance(line, Launch):
            launches.setdefault((line.scenario, line.subject), []).append(line)
        if isinstance(line, Launch | Failed):
            rounds.setdefault(line.number, {})[f"{line.scenario}/{line.subject}"] = None
    return Journal(
        head=head,
        launches={name: tuple(each) for name, each in launches.items()},
        rounds=tuple(f"round {number}: {' '.join(names)}" for number, names in sorted(rounds.items())),
        end=next((line for line in lines if isinstance(line, End)), None),
    )


def _decoded(line: bytes, number: int, kind: Any) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise ReportFileError(f"line {number} is damaged: {error}") from error
