"""A diff for a terminal: what matters first, a line each, and what is the same in one number."""

from __future__ import annotations

from collections.abc import Iterator

from harness.diff_results import Center, DiffReport, Direction, Fact, FigureChange, Kind, RowChange
from reports.comparison.wording import mode_words, quantity_words
from reports.evidence import relative, visible
from reports.key_figures import range_in, value_in
from reports.quantities import counted, moment, significant

_LONGEST = 160
_SIGNS = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}


def render(report: DiffReport) -> str:
    """The whole text, ending in a line break."""
    return "\n".join([*_title(report), *_body(report)]) + "\n"


def figure_name(change: FigureChange) -> str:
    """ "warm, one at a time, median"."""
    mode = mode_words(change.scenario, change.mode)
    return ", ".join(each for each in (change.scenario, mode, quantity_words(change.quantity)) if each)


def center_words(center: Center | None, unit: str) -> str:
    """ "3.90 ms (3.71 to 4.40 ms)"; empty for none."""
    if center is None or center.value is None:
        return "no value" if center else ""
    value = value_in(center.value, unit)
    if center.low is None or center.high is None:
        return value
    return f"{value} ({range_in(center.low, center.high, unit)})"


def ratio_words(change: FigureChange) -> str:
    """ "1.52 times (1.47 to 1.58)"; empty for a figure that only one run has."""
    if change.ratio is None or change.low is None or change.high is None:
        return ""
    return f"{significant(change.ratio)} times ({significant(change.low)} to {significant(change.high)})"


def status_words(change: RowChange) -> str:
    """ "pass became fail", or the status of the run that has the row."""
    if change.was and change.now:
        return f"{change.was.value} became {change.now.value}"
    return (change.now or change.was or "").strip()


def _title(report: DiffReport) -> Iterator[str]:
    for label, run in (("was", report.was), ("now", report.now)):
        dirty = ", with uncommitted changes" if run.dirty else ""
        yield f"{label}  {run.name}  {moment(run.started)}, {run.profile}, commit {run.commit[:12]}{dirty}"
    if report.circumstances:
        yield f"Not in the same circumstances ({', '.join(report.circumstances)}): a changed figure may be theirs."
    if report.nothing:
        yield "Nothing changed."


def _body(report: DiffReport) -> Iterator[str]:
    rows = [_row(each) for each in report.rows]
    figures = [_figure(each) for each in report.figures]
    sections = {
        "Subjects": [f"+ {each}" for each in report.subjects_added] + [f"- {each}" for each in report.subjects_removed],
        "Verdicts": [
            f"~ {each.subject}, {each.of}: {each.was or 'not judged'} became {each.now or 'not judged'}"
            for each in report.verdicts
        ],
        "Rows": rows,
        "Figures": figures,
        "What was measured": [_fact(each) for each in report.identity],
        "Environment": [_fact(each) for each in report.environment],
    }
    for title, lines in sections.items():
        if lines:
            yield ""
            yield title
            yield from (f"  {_short(each)}" for each in lines)
    yield ""
    too_few = f", {report.figures_too_few} with too few launches to say" if report.figures_too_few else ""
    same = report.figures_compared - sum(each.kind is Kind.CHANGED for each in report.figures)
    yield (
        f"The same: {counted(report.rows_same, 'row')}; no change shown in {same} of "
        f"{counted(report.figures_compared, 'figure')}{too_few}."
    )


def _row(change: RowChange) -> str:
    mark = "" if change.direction is Direction.OTHER else f", {change.direction.value}"
    test = change.test.rpartition("::")[2]
    name = f"{change.subject}, {change.requirement}" + (f" {test}" if test else "")
    reason = f": {relative(change.reason)}" if change.reason else ""
    return f"{_SIGNS[change.kind]} {name}: {status_words(change)}{mark}{reason}"


def _figure(change: FigureChange) -> str:
    name = f"{_SIGNS[change.kind]} {change.subject}, {figure_name(change)}"
    was, now = center_words(change.was, change.unit), center_words(change.now, change.unit)
    if change.kind is not Kind.CHANGED:
        return f"{name}: {was or now}"
    word = f", {change.word.value}" if change.word else ""
    return f"{name}: {was} became {now}, {ratio_words(change)}{word}"


def _fact(fact: Fact) -> str:
    return f"~ {fact.name}: {fact.was or 'nothing'} became {fact.now or 'nothing'}"


def _short(line: str) -> str:
    line = " ".join(visible(line).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 4]} ..."
