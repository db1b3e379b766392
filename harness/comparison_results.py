"""comparison.json: several runtimes beside each other, each figure with the launches it stands on.

Everything in it is computed from the raw files that lie beside it (`sources`), so that it can be computed again and
checked. Values are in the unit that stands beside them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from harness.load_results import Pinning
from harness.results import RunIdentity, RuntimeIdentity, read_report
from harness.verdict import Verdict

COMPARISON_SCHEMA = "isomark/comparison/1"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Role(StrEnum):
    """What a subject is in the comparison for."""

    RUNTIME = "runtime"  # under test
    REPEAT = "repeat"  # the first runtime a second time: what differs between the two is the machine's noise
    BASELINE = "baseline"  # the container
    FLOOR = "floor"  # a plain process: what no container can undercut


class Subject(_Part, frozen=True, kw_only=True):
    """`name` is unique in the file; `slug` is it in names of files. `verdict` is None where nothing was judged.

    `conformance`: the subject's conformance.json, relative to this file; empty where there is none.
    """

    name: str
    slug: str
    role: Role
    runtime: RuntimeIdentity
    verdict: Verdict | None = None
    conformance: str = ""


class Source(_Part, frozen=True, kw_only=True):
    """A load.json, relative to this file: one scenario of one subject."""

    scenario: str
    subject: str
    path: str


class Series(_Part, frozen=True, kw_only=True):
    """One figure of one subject, a value per launch: the launch is the unit of replication.

    `quantity` names what was read: "p50", "p99", "throughput", or the name of an observed or derived value.
    `center` is the geometric mean over the launches (the median's place on a log scale), `low` to `high` its 95 %
    interval; both None below two launches. `mark`: why the figure must be read with care, as when the workload's own
    promise is broken.
    """

    scenario: str
    mode: str
    subject: str
    quantity: str
    unit: str
    per_launch: tuple[float, ...]
    center: float | None = None
    low: float | None = None
    high: float | None = None
    mark: str = ""


class Word(StrEnum):
    """The verdict of a pair: what may be said of `left` against `right`."""

    FASTER = "faster"
    SLOWER = "slower"
    LESS = "less"
    MORE = "more"
    NO_DIFFERENCE = "no difference shown"
    TOO_FEW = "too few launches"


class Side(_Part, frozen=True, kw_only=True):
    """Which series: by subject, scenario, mode and quantity."""

    subject: str
    scenario: str
    mode: str
    quantity: str


class Pair(_Part, frozen=True, kw_only=True):
    """Two series compared. `ratio` is right over left: above 1, left is the smaller one.

    `low` to `high`: 95 % by Welch's t on logarithms of the launches' values; `bca_low` to `bca_high`: the bootstrap's
    of the ratio of medians, as a cross-check. `p`: two-sided; `p_holm`: corrected for all pairs of the file that are
    not noise pairs, or for all that are; None below seven launches. `effect`: Hedges' g on logarithms. `noise`: an A/A
    pair, whose true ratio is 1. `floor`: how far from 1 the interval of the A/A pair of the same figure reached, as a
    factor of at least 1; a ratio within it is called no difference.
    """

    name: str
    title: str
    left: Side
    right: Side
    unit: str
    noise: bool = False
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    bca_low: float | None = None
    bca_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    effect: float | None = None
    floor: float | None = None
    launches_left: int
    launches_right: int
    word: Word


class Noise(_Part, frozen=True, kw_only=True):
    """The machine's noise floor: the furthest that an A/A pair's interval reached from 1, as a factor of at least 1."""

    factor: float | None
    pairs: int
    worst: str
    words: str


class Grade(StrEnum):
    """What the figures say of a claim."""

    KEPT = "kept"
    NOT_KEPT = "not kept"
    NOT_SHOWN = "not shown"  # measured, and the interval reaches over the limit
    NOT_MEASURED = "not measured"


class Claim(_Part, frozen=True, kw_only=True):
    """A performance row of the catalogue, graded for one subject by the bounds of its interval, never by the figure.

    `rule` says the limit in words; `why` what was seen. `subject` is empty for a claim nobody was measured on.
    """

    requirement: str
    statement: str
    subject: str
    grade: Grade
    rule: str
    why: str
    unit: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    launches: int = 0
    sources: tuple[str, ...] = ()


class Excluded(_Part, frozen=True, kw_only=True):
    """Something that was to be measured and is not in the figures."""

    subject: str
    scenario: str
    what: str
    why: str


class ComparisonReport(_Part, frozen=True, kw_only=True):
    """comparison.json. `order`: each round's turns as they ran, drawn from `run.seed`.

    `baseline_missing`: why there is no container baseline; empty when there is one. `environment` is from before,
    `environment_after` from after the measurement.
    """

    schema: str = COMPARISON_SCHEMA
    complete: bool
    why_incomplete: str = ""
    run: RunIdentity
    environment: dict[str, Any]
    environment_after: dict[str, Any]
    pinning: Pinning | None = None
    baseline_missing: str = ""
    subjects: tuple[Subject, ...]
    sources: tuple[Source, ...]
    launches: int
    order: tuple[str, ...]
    series: tuple[Series, ...]
    pairs: tuple[Pair, ...]
    noise: Noise
    claims: tuple[Claim, ...]
    excluded: tuple[Excluded, ...] = ()
    warnings: tuple[str, ...] = ()

    def subject(self, name: str) -> Subject | None:
        return next((each for each in self.subjects if each.name == name), None)


def read_comparison(path: Path) -> ComparisonReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, ComparisonReport, COMPARISON_SCHEMA)
