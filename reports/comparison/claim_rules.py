"""The performance rows of the catalogue as rules: which figure, which limit, and what that means in words.

Where the catalogue says "about", "far" or "flat", the number it is graded by stands here, and in the rule's own words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.comparison_results import Grade, Role, Series
from reports.comparison.evidence import Evidence, Pick
from reports.comparison.pair_rules import BILLED, PSS_EACH

NS_PER_MS = 1e6
MANY_UNDER_MS = 3.0

A_NODE_PROCESS_IN_ISOLATES = 50.0
""" "About 1/100" is graded as "at most 1/50": a factor of two is allowed for, and cheaper still keeps the claim."""

FAR_CHEAPER = 2.0
""" "Far cheaper" is graded as "at most half"."""

FLAT = 1.25
""" "Flat as N grows" is graded as "at the largest N less than a quarter more than at the smallest"."""

THOUSANDS = 1_000
"""Isolates that must have been kept at once for anything to be said of "thousands"."""

THE_SAME = 1.10
""" "Costs the same" is graded as "within a tenth, either way"."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Between which a figure must lie; None where that side is open."""

    over: float | None = None
    under: float | None = None

    def grade(self, low: float, high: float) -> Grade:
        """Of an interval: kept when all of it lies within, not kept when all of it lies beyond one limit."""
        below = self.over is not None and high < self.over
        above = self.under is not None and low > self.under
        if below or above:
            return Grade.NOT_KEPT
        within = (self.over is None or low > self.over) and (self.under is None or high < self.under)
        return Grade.KEPT if within else Grade.NOT_SHOWN


def share_under(evidence: Evidence, series: Series) -> str:
    """How many of all cold starts took less than the claim's second figure."""
    cell = evidence.loads[series.scenario, series.subject].cell(series.mode)
    assert cell is not None
    assert cell.figures is not None
    share = max((share for share, ns in cell.figures.curve_ns if ns < MANY_UNDER_MS * NS_PER_MS), default=0.0)
    return f"{share:.0%} of all {cell.count:,} starts took under {MANY_UNDER_MS:g} ms"


@dataclass(frozen=True, kw_only=True)
class Level:
    """A figure held against limits in `unit`, of which a value of the series is worth `scale`.

    `missing`: why there may be no figure, where the measurement does not say. `remark`: what else is seen.
    """

    requirement: str
    rule: str
    pick: Pick
    limits: Limits
    unit: str
    scale: float
    role: Role = Role.RUNTIME
    missing: str = "no figure of it was measured"
    remark: Callable[[Evidence, Series], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Factor:
    """Two figures as a ratio, `other` over `pick`, held against limits. `of`: whose the other is; None for the same.

    `reaches`: the number that must stand in the other's mode, at least.
    """

    requirement: str
    rule: str
    pick: Pick
    other: Pick
    limits: Limits
    of: Role | None = None
    reaches: int | None = None
    role: Role = Role.RUNTIME
    missing: str = "no figure of it was measured"


@dataclass(frozen=True, kw_only=True)
class Unmeasured:
    """A claim, or a part of one, that nothing here measures."""

    requirement: str
    rule: str
    why: str


ClaimRule = Level | Factor | Unmeasured

_ISOLATE = Pick(scenario="cold-start", modes="isolate", quantity="p50")
_WHOLE = Pick(scenario="cold-start", modes="runtime", quantity="p50")
_HTTP = Pick(scenario="chain", modes="", quantity="http-hop", cells="http-*")
_CALLS = {
    "fetch": Pick(scenario="chain", modes="", quantity="fetch-hop", cells="fetch-*"),
    "RPC": Pick(scenario="chain", modes="", quantity="rpc-hop", cells="rpc-*"),
}

CLAIM_RULES: tuple[ClaimRule, ...] = (
    Level(
        requirement="ISO-8",
        rule="the median cold start of an isolate is under 5 ms",
        pick=_ISOLATE,
        limits=Limits(under=5.0),
        unit="ms",
        scale=1 / NS_PER_MS,
        remark=share_under,
    ),
    Level(
        requirement="ISO-9",
        rule="the median start of a container, to its first answer, takes 100 to 1,000 ms",
        pick=_WHOLE,
        limits=Limits(over=100.0, under=1_000.0),
        unit="ms",
        scale=1 / NS_PER_MS,
        role=Role.BASELINE,
    ),
    Factor(
        requirement="ISO-9",
        rule=f"starting a Node process takes more than {A_NODE_PROCESS_IN_ISOLATES:g} times as long as a new isolate: "
        "about 1/100 is taken as at most 1/50",
        pick=_ISOLATE,
        other=_WHOLE,
        of=Role.FLOOR,
        limits=Limits(over=A_NODE_PROCESS_IN_ISOLATES),
    ),
    *(
        Factor(
            requirement="ISO-10",
            rule=f"{what} grows by less than {FLAT - 1:.0%} from the smallest number of isolates to the largest, which "
            f"is {THOUSANDS:,} or more",
            pick=Pick(scenario="density", modes="isolates-*", quantity=quantity),
            other=Pick(scenario="density", modes="isolates-*", quantity=quantity, furthest=True),
            limits=Limits(under=FLAT),
            reaches=THOUSANDS,
            missing=missing,
        )
        for what, quantity, missing in (
            ("memory per isolate", PSS_EACH, "no memory per isolate was measured"),
            ("the time to an isolate's first answer", "p50", "no isolates were counted up"),
        )
    ),
    *(
        Factor(
            requirement="BND-8",
            rule=f"one more call by HTTP over loopback costs more than {FAR_CHEAPER:g} times one by service binding "
            f"({words}): far cheaper is taken as at most half",
            pick=pick,
            other=_HTTP,
            limits=Limits(over=FAR_CHEAPER),
        )
        for words, pick in _CALLS.items()
    ),
    *(
        Level(
            requirement="SVC-6",
            rule=f"one more call by service binding ({words}) takes {limit}",
            pick=pick,
            limits=Limits(under=under_ms),
            unit="ms",
            scale=1e-3,
        )
        for words, pick in _CALLS.items()
        for under_ms, limit in ((0.5, "0.1 to 0.5 ms: less keeps the claim too"), (1.0, "under 1 ms"))
    ),
    Unmeasured(
        requirement="SVC-6",
        rule="HTTP over the internet takes 50 to 200 ms",
        why="no request of this suite leaves the machine",
    ),
    Factor(
        requirement="CPU-11",
        rule=f"the same work is billed the same with the longest wait as with none, within {THE_SAME - 1:.0%}",
        pick=Pick(scenario="bill", modes="wait-*", quantity=BILLED),
        other=Pick(scenario="bill", modes="wait-*", quantity=BILLED, furthest=True),
        limits=Limits(over=1 / THE_SAME, under=THE_SAME),
        missing="its accounts name no billed time",
    ),
    Unmeasured(
        requirement="JUR-5",
        rule="shown, not judged",
        why="everything runs on one machine, where no user is outside of anything",
    ),
    Unmeasured(
        requirement="GLB-2",
        rule="a deploy is live at every location within seconds",
        why="everything runs on one machine, which is one location",
    ),
)

OTHERWISE = "no scenario of this suite measures it yet"
"""Of a performance row of the catalogue that no rule here names."""
