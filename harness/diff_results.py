"""What changed from one comparison to another, as values: the output of `isomark report diff --format=json`."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.comparison_results import Word
from harness.rows import Status

DIFF_SCHEMA = "isomark/diff/1"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class RunOfDiff(_Part, frozen=True, kw_only=True):
    """One of the two: the name of its folder, and what run it was."""

    name: str
    started: str
    suite_version: str
    specification: str
    commit: str
    dirty: bool
    profile: str
    launches: int
    complete: bool


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Fact(_Part, frozen=True, kw_only=True):
    """One fact of the machine, the suite, or a subject. Empty where the run has none of that name."""

    name: str
    was: str
    now: str


class Direction(StrEnum):
    """What a changed row or verdict means."""

    BETTER = "better"
    WORSE = "worse"
    OTHER = "neither"


class RowChange(_Part, frozen=True, kw_only=True):
    """A row that is in one run only (the other status is None), or has another status. `reason`: of the newer row."""

    kind: Kind
    subject: str
    requirement: str
    test: str
    statement: str
    was: Status | None = None
    now: Status | None = None
    reason: str = ""
    direction: Direction = Direction.OTHER


class VerdictChange(_Part, frozen=True, kw_only=True):
    """`of`: "overall", or a conformance class. Empty where a run judged nothing of the kind."""

    subject: str
    of: str
    was: str
    now: str


class Center(_Part, frozen=True, kw_only=True):
    """A figure with its 95 % interval, in the unit of the change it is part of."""

    value: float | None
    low: float | None
    high: float | None
    launches: int


class FigureChange(_Part, frozen=True, kw_only=True):
    """A figure in one run only, or one whose change the intervals show.

    `ratio`: now over was, `low` to `high` its 95 % interval, `p_holm` corrected for all figures that both runs have.
    `word`: what the newer is against the older.
    """

    kind: Kind
    subject: str
    scenario: str
    mode: str
    quantity: str
    unit: str
    was: Center | None = None
    now: Center | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None
    word: Word | None = None


class DiffReport(_Part, frozen=True, kw_only=True):
    """`was` is the older run. `environment` leaves out what is of a moment, such as the load average.

    `circumstances`: what differs between the two so that figures may not be held against each other, by name: machine,
    profile, what stands beside. Of the figures that both runs have, `figures_compared` had
    launches enough to say whether they changed, `figures_too_few` had not.
    """

    schema: str = DIFF_SCHEMA
    was: RunOfDiff
    now: RunOfDiff
    circumstances: tuple[str, ...]
    environment: tuple[Fact, ...]
    identity: tuple[Fact, ...]
    subjects_added: tuple[str, ...]
    subjects_removed: tuple[str, ...]
    verdicts: tuple[VerdictChange, ...]
    rows: tuple[RowChange, ...]
    rows_same: int
    figures: tuple[FigureChange, ...]
    figures_compared: int
    figures_too_few: int

    @property
    def nothing(self) -> bool:
        """Whether the two say the same."""
        changes = (self.environment, self.identity, self.subjects_added, self.subjects_removed)
        return not any((*changes, self.verdicts, self.rows, self.figures))
