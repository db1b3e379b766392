"""The night held against the nights before it, as they are published."""

from __future__ import annotations

from pathlib import Path

from harness.comparison_results import ComparisonReport, read_comparison
from harness.errors import IsomarkError
from harness.night_results import GateFinding, GateReport, LeftOut, nights
from reports.bundle_files import COMPARISON_FILE
from reports.comparison import Regression, environment_differences, regressions
from reports.verification import manifest


def against_the_nights_before(published: Path, folder: Path, *, threshold: float) -> GateReport:
    """Gate the night in `folder`. Nights that are damaged, or were made under other circumstances, do not count.

    Raises `ReportFileError` when the night itself has no whole comparison.
    """
    now = read_comparison(folder / COMPARISON_FILE)
    history: list[ComparisonReport] = []
    against: list[str] = []
    left_out: list[LeftOut] = []
    for place in nights(published):
        try:
            report = _sound(place)
        except IsomarkError as error:
            left_out.append(LeftOut(name=place.name, why=error.happened))
            continue
        history.append(report)
        if why := _why_not(report, now):
            left_out.append(LeftOut(name=place.name, why=why))
        else:
            against.append(place.name)
    found = regressions(history, now, threshold)
    return GateReport(
        passed=not found.failed,
        words=found.words,
        threshold=threshold,
        against=tuple(against),
        left_out=tuple(left_out),
        findings=tuple(map(_finding, found.checked)),
    )


def _sound(place: Path) -> ComparisonReport:
    """Raises `IsomarkError` for a night whose files are not those that were published."""
    differences = list(manifest.strange(place)) or list(manifest.check(place))
    if differences:
        raise IsomarkError(f"it is not as it was published: {differences[0].words}")
    return read_comparison(place / COMPARISON_FILE)


def _why_not(report: ComparisonReport, now: ComparisonReport) -> str:
    """Why a sound night does not count; empty when it does."""
    if not report.complete:
        return f"it is incomplete: {report.why_incomplete}"
    if report.run.started >= now.run.started:
        return "it began later"
    differing = environment_differences(report, now)
    return "made under other circumstances: " + ", ".join(differing) if differing else ""


def _finding(each: Regression) -> GateFinding:
    return GateFinding(
        subject=each.subject,
        scenario=each.scenario,
        mode=each.mode,
        quantity=each.quantity,
        unit=each.unit,
        outcome=each.gate.outcome.value,
        ratio=each.gate.ratio,
        low=each.gate.low,
        high=each.gate.high,
        nights=each.gate.nights,
        launches=each.gate.launches,
        words=each.words,
    )
