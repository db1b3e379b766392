"""Tonight against the nights before it: the few figures a runtime is known by, gated together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparison_results import ComparisonReport, Role, Series
from harness.statistics import LAST_NIGHTS, Gate, GateOutcome, gate
from reports.comparison.environments import same_environment
from reports.comparison.figures import P50, THROUGHPUT, quantity_of
from reports.comparison.pair_rules import BILLED, PSS_EACH
from reports.comparison.wording import mode_words, point_of, quantity_words
from reports.quantities import counted, significant

FALSE_ALARMS = 0.05
"""Of all nights on which nothing changed: so many may fail, at most, however many figures are gated."""

GATED: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("cold-start", ("isolate", "code-cache", "runtime"), (P50,)),
    ("warm", ("closed-1",), (P50,)),
    ("concurrency", ("wait-50", "compute-50"), (THROUGHPUT,)),
    ("chain", ("",), ("fetch-hop", "rpc-hop")),
    ("density", (), (PSS_EACH,)),
    ("bill", ("wait-0",), (BILLED, "cpu ms")),
)
"""Scenario, modes, quantities; without modes, the one with most instances. Medians and rates, no 99th percentiles.

Each figure more makes the gate blinder for all others, and a tail of few samples is the noisiest there is.
"""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """One figure of one runtime, gated. `sources`: tonight's file. `changed`: the runtime's version, if another."""

    subject: str
    scenario: str
    mode: str
    quantity: str
    unit: str
    gate: Gate
    changed: str = ""

    @property
    def words(self) -> str:
        """One sentence for a log or a page."""
        what = ", ".join(
            filter(None, (self.scenario, mode_words(self.scenario, self.mode), quantity_words(self.quantity)))
        )
        return f"{self.subject}: {what}: {self.gate.why}" + (f" ({self.changed})" if self.changed else "")


@dataclass(frozen=True, kw_only=True)
class Regressions:
    """What the gate says of a night. `nights`: those before it in the same circumstances, of `others` more that differ.

    `checked`: every figure that was looked at, whatever came of it.
    """

    checked: tuple[Regression, ...]
    nights: int
    others: int
    threshold: float

    @property
    def failed(self) -> tuple[Regression, ...]:
        return tuple(each for each in self.checked if each.gate.outcome is GateOutcome.FAILED)

    @property
    def decided(self) -> tuple[Regression, ...]:
        """Those with nights and launches enough."""
        return tuple(each for each in self.checked if each.gate.outcome in {GateOutcome.FAILED, GateOutcome.PASSED})

    @property
    def words(self) -> str:
        """The gate's answer in a sentence."""
        beside = f"{counted(self.others, 'night')} in other circumstances left out" if self.others else ""
        if not self.checked:
            return "No gate: this night has no figure that is gated."
        if not self.decided:
            reasons = sorted({each.gate.why for each in self.checked})
            return f"No gate: {'; '.join(filter(None, (*reasons, beside)))}."
        found = f"{len(self.failed)} of {counted(len(self.decided), 'figure')} worse by more than a factor of "
        found += f"{significant(self.threshold)}, held against {counted(self.nights, 'night')}"
        return f"{'; '.join(filter(None, (found, beside)))}."


def regressions(history: Sequence[ComparisonReport], now: ComparisonReport, threshold: float) -> Regressions:
    """Gate the figures of every runtime under test. `history` may hold any nights, tonight too; order does not matter.

    Only complete nights before tonight and in the same circumstances count, the last 14 of them. The confidence of each
    interval is raised with the number of figures, so that at most one night in twenty fails by chance, if nothing
    changed. A broken workload's figure is not gated. Raises `UsageError` for a threshold that is not above 1.
    """
    before = sorted(
        (each for each in history if each.complete and each.run.started < now.run.started),
        key=lambda each: each.run.started,
    )
    equal = [each for each in before if same_environment(each, now)]
    gated = _gated(now)
    confidence = 1 - FALSE_ALARMS / max(1, len(gated))
    indexed = [{_key(each): each for each in night.series if not each.mark} for night in equal]
    checked = []
    for series in gated:
        earlier = [night[_key(series)].per_launch for night in indexed if _key(series) in night]
        checked.append(
            Regression(
                subject=series.subject,
                scenario=series.scenario,
                mode=series.mode,
                quantity=series.quantity,
                unit=series.unit,
                gate=gate(
                    earlier,
                    series.per_launch,
                    threshold=threshold,
                    quantity=quantity_of(series.quantity, series.unit),
                    confidence=confidence,
                ),
                changed=_changed(equal, now, series.subject),
            )
        )
    return Regressions(
        checked=tuple(checked),
        nights=min(len(equal), LAST_NIGHTS),
        others=len(before) - len(equal),
        threshold=threshold,
    )


def _gated(now: ComparisonReport) -> list[Series]:
    runtimes = {each.name for each in now.subjects if each.role is Role.RUNTIME}
    mine = [each for each in now.series if each.subject in runtimes and not each.mark]
    found = []
    for scenario, modes, quantities in GATED:
        for subject in sorted(runtimes):
            for quantity in quantities:
                kin = [
                    each
                    for each in mine
                    if (each.scenario, each.subject, each.quantity) == (scenario, subject, quantity)
                ]
                if modes:
                    found += [each for each in kin if each.mode in modes]
                elif kin:
                    found.append(max(kin, key=lambda each: point_of(each.mode) or 0.0))
    return found


def _key(series: Series) -> tuple[str, str, str, str, str]:
    return (series.subject, series.scenario, series.mode, series.quantity, series.unit)


def _changed(before: Sequence[ComparisonReport], now: ComparisonReport, name: str) -> str:
    """The runtime's version beside the one of the night before, when it is another."""
    last = before[-1].subject(name) if before else None
    tonight = now.subject(name)
    if last is None or tonight is None or last.runtime.version == tonight.runtime.version:
        return ""
    return f"version {last.runtime.version} the night before, {tonight.runtime.version} tonight"
