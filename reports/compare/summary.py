"""The end of a comparison as text: verdicts, figures with their intervals, ratios in words, the machine's noise."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tabulate import tabulate

from harness.comparison_results import Claim, ComparisonReport, Grade, Pair, Role, Series, Word
from harness.verdict import Verdict
from reports.key_figures import KEY_FIGURES, interval_of, key_figures, value_in
from reports.quantities import counted, significant

_NOT_JUDGED = "not judged"

_WIDEST = 90
"""Characters of a column of text."""

_MOST_LINES = 8

_FLOOR_STANDS_IN = "The plain process stands in for it, and is no baseline but the floor: no container can be cheaper."


def render(report: ComparisonReport) -> str:
    """Everything worth a look, without the line that says where the page is."""
    parts = [
        _head(report),
        _verdicts(report),
        _figures(report),
        _ratios(report),
        f"Noise floor of the machine: {report.noise.words}",
        _claims(report),
        *_left_out(report),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(report: ComparisonReport) -> str:
    run = report.run
    lines = [
        f"isomark {run.suite_version}  promises {run.specification}  profile {run.profile}  "
        f"{counted(report.launches, 'launch', 'launches')} of each  seed {run.seed}  {run.duration_s:,.0f} s"
    ]
    if not report.complete:
        lines.insert(
            0, f"INCOMPLETE: {report.why_incomplete or 'it was cut short'}. What was measured until then is kept."
        )
    if report.baseline_missing:
        lines.append(f"container baseline not measured: {report.baseline_missing}")
        lines.append(_FLOOR_STANDS_IN)
    return "\n".join(lines)


def _verdicts(report: ComparisonReport) -> str:
    rows = [
        [each.name, each.role.value, each.runtime.version, _verdict(each.verdict)]
        for each in report.subjects
        if each.role is not Role.REPEAT
    ]
    return tabulate(rows, headers=["", "in it as", "version", "verdict"], disable_numparse=True)


def _verdict(verdict: Verdict | None) -> str:
    return verdict.value.upper() if verdict else _NOT_JUDGED


def _figures(report: ComparisonReport) -> str:
    """A line per key figure and a column per subject, the interval below the value."""
    subjects = [each.name for each in report.subjects if each.role is not Role.REPEAT]
    found = {name: key_figures(report, name) for name in subjects}
    rows = [
        [figure.title, *(_cell(found[name].get(figure.name)) for name in subjects)]
        for figure in KEY_FIGURES
        if any(figure.name in figures for figures in found.values())
    ]
    if not rows:
        return ""
    right = ("left", *["right"] * len(subjects))
    return tabulate(rows, headers=["95 % interval below", *subjects], colalign=right, disable_numparse=True)


def _cell(series: Series | None) -> str:
    if series is None or series.center is None:
        return "."
    lines = [value_in(series.center, series.unit), interval_of(series)]
    return "\n".join(line for line in [*lines, "(careful)" if series.mark else ""] if line)


def _ratios(report: ComparisonReport) -> str:
    """The pairs of which both sides are key figures; every pair is on the page."""
    rows = [
        [pair.title, _ratio(pair), _word(pair), f"{pair.launches_left}, {pair.launches_right}"]
        for pair in _headline_pairs(report)
    ]
    if not rows:
        return ""
    headers = ["pair", "right over left (95 % interval)", "verdict", "launches"]
    return tabulate(rows, headers=headers, disable_numparse=True, maxcolwidths=[_WIDEST, None, None, None])


def _headline_pairs(report: ComparisonReport) -> Iterator[Pair]:
    known = {
        (each.subject, each.scenario, each.mode, each.quantity)
        for subject in report.subjects
        for each in key_figures(report, subject.name).values()
    }
    for pair in report.pairs:
        sides = [(each.subject, each.scenario, each.mode, each.quantity) for each in (pair.left, pair.right)]
        if not pair.noise and known.issuperset(sides):
            yield pair


def _ratio(pair: Pair) -> str:
    if pair.ratio is None:
        return "."
    if pair.low is None or pair.high is None:
        return significant(pair.ratio)
    return f"{significant(pair.ratio)} ({significant(pair.low)} to {significant(pair.high)})"


def _word(pair: Pair) -> str:
    undecided = {Word.NO_DIFFERENCE, Word.TOO_FEW}
    return pair.word.value if pair.word in undecided else f"{pair.left.subject} is {pair.word.value}"


def _claims(report: ComparisonReport) -> str:
    """Those that something was measured for; how many were not is said in a line."""
    rows = [
        [each.requirement, each.subject, each.grade.value.upper(), f"{each.rule}:\n{each.why}"]
        for each in report.claims
        if each.grade is not Grade.NOT_MEASURED
    ]
    graded = {requirement for requirement, *_ in rows}
    unmeasured = sorted({_unmeasured(each, graded) for each in report.claims if each.grade is Grade.NOT_MEASURED})
    parts = []
    if rows:
        headers = ["claim", "of", "grade", "the rule, and what was seen"]
        parts.append(tabulate(rows, headers=headers, disable_numparse=True, maxcolwidths=[None, 24, None, _WIDEST]))
    if unmeasured:
        parts.append(f"Claims that nothing was measured for: {', '.join(unmeasured)}")
    return "\n".join(parts)


def _unmeasured(claim: Claim, graded: Collection[str]) -> str:
    """Its requirement, and which part of it where another is graded."""
    if claim.requirement not in graded:
        return claim.requirement
    return f"{claim.requirement} ({f'of {claim.subject}' if claim.subject else 'one of its limits'})"


def _left_out(report: ComparisonReport) -> Iterator[str]:
    """The first of each kind; all of them are on the page."""
    excluded = [f"{each.subject}, {each.scenario}, {each.what}: {each.why}" for each in report.excluded]
    for title, lines in (("Not in the figures:", excluded), ("Read with care:", list(report.warnings))):
        if lines:
            more = [f"and {len(lines) - _MOST_LINES} more, on the page"] if len(lines) > _MOST_LINES else []
            yield "\n".join([title, *(f"  {line}" for line in (*lines[:_MOST_LINES], *more))])
