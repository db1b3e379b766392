"""The lines of journal.jsonl, the raw record of a run: a head, then what came of each launch as it came.

They hold all that the figures are computed from, so that a run that was cut short can be taken up again and a finished
one computed again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from harness.interleaved_results import JOURNAL_SCHEMA, MeasuredSubject
from loadgen.engine.tally import TallyMessage
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.placement import Placement


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    pass


class Head(_Line, frozen=True, kw_only=True, tag="head"):
    """What is measured, with what, where, and from when. Times are UTC, ISO 8601, and seconds since the epoch."""

    schema: str = JOURNAL_SCHEMA
    seed: int
    profile: str
    launches: int
    subjects: tuple[MeasuredSubject, ...]
    extents: dict[str, Extent]
    placement: Placement
    suite_version: str
    specification: str
    commit: str
    dirty: bool
    command: str
    started: str
    started_epoch_s: float
    busy_share: float
    environment: dict[str, Any]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class TurnMessage(_Part, frozen=True, kw_only=True):
    """One turn of one mode. `start_s`: since the run began. See `scenarios.model.Taken`."""

    start_s: float
    length_s: float
    tally: TallyMessage
    discarded: dict[str, int] = {}
    saturated: bool = False
    saturation: str = ""
    observed: dict[str, float] = {}


class CellMessage(_Part, frozen=True, kw_only=True):
    """What one launch brought for one mode. See `scenarios.record.CellRecord`."""

    turns: tuple[TurnMessage, ...] = ()
    refused: str = ""
    stopped: str = ""
    repeated: int = 0


class LaunchDone(_Line, frozen=True, kw_only=True, tag="launch"):
    """A launch of a subject in a scenario that was measured to its end.

    `number`: of its round. `left_out`: modes that cannot be had, and why. `repeats`: turns done twice so far.
    """

    scenario: str
    subject: str
    number: int
    start_s: float
    length_s: float
    order: tuple[str, ...]
    cells: dict[str, CellMessage]
    left_out: dict[str, str] = {}
    repeats: int = 0


class LaunchFailed(_Line, frozen=True, kw_only=True, tag="failed"):
    """A launch that came to nothing. `attempt`: 1, or 2 for the one more that it gets."""

    scenario: str
    subject: str
    number: int
    attempt: int
    why: str


class Resumed(_Line, frozen=True, kw_only=True, tag="resumed"):
    """From here on it is another process, begun then."""

    at: str


class End(_Line, frozen=True, kw_only=True, tag="end"):
    """All was measured. `duration_s`: since the run began."""

    duration_s: float
    environment_after: dict[str, Any]


Line = LaunchDone | LaunchFailed | Resumed | End
