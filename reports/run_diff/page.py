"""A diff as a page, alone or as one of the site's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.comparison_results import Word
from harness.diff_results import Center, DiffReport, Direction, FigureChange, Kind, RowChange
from harness.rows import Status
from reports.evidence import relative
from reports.key_figures import range_in, value_in
from reports.promises import outcome_of
from reports.quantities import counted, moment, significant
from reports.run_diff.text import figure_name
from reports.site_frame import Place, framed

TEMPLATE = "site_diff.html.jinja"

_LONGEST_REASON = 200
_DIRECTIONS = {Direction.BETTER: "kept", Direction.WORSE: "broken", Direction.OTHER: ""}
_WORDS = {Word.FASTER: "kept", Word.LESS: "kept", Word.SLOWER: "broken", Word.MORE: "broken"}


@dataclass(frozen=True, kw_only=True)
class RowLine:
    """`address`: the row's evidence, from the root of the site; empty where there is none."""

    row: RowChange
    test: str
    change: str
    slug: str
    was: str
    was_slug: str
    now: str
    now_slug: str
    reason: str
    address: str


@dataclass(frozen=True, kw_only=True)
class FigureLine:
    """Keys are the bare numbers that columns sort by."""

    figure: FigureChange
    name: str
    change: str
    slug: str
    was: str
    was_range: str
    was_key: str
    now: str
    now_range: str
    now_key: str
    ratio: str
    ratio_range: str
    ratio_key: str


def render(
    report: DiffReport,
    *,
    address: str = "diff.html",
    navigation: tuple[Place, ...] = (),
    runs: Mapping[str, str] | None = None,
    evidence: Mapping[tuple[str, str, str], str] | None = None,
) -> str:
    """The whole page; the same report gives the same bytes.

    On the site, `runs` has the address of each run by its name, `evidence` that of each row of the newer run by
    subject, requirement and test.
    """
    runs, evidence = runs or {}, evidence or {}
    values = {
        "title": f"{report.was.name} to {report.now.name}: what changed",
        "report": report,
        "sentence": sentence(report),
        "moments": (moment(report.was.started), moment(report.now.started)),
        "addresses": (runs.get(report.was.name, ""), runs.get(report.now.name, "")),
        "rows": tuple(
            _row(each, evidence.get((each.subject, each.requirement, each.test), "")) for each in report.rows
        ),
        "figures": tuple(_figure(each) for each in report.figures),
    }
    return framed(TEMPLATE, values, address=address, navigation=navigation)


def sentence(report: DiffReport) -> str:
    """All of it in one sentence."""
    parts = [_counted_rows(report), _counted_figures(report)]
    if report.verdicts:
        parts.insert(0, counted(len(report.verdicts), "verdict changed", "verdicts changed"))
    parts += [f"{each} is new" for each in report.subjects_added]
    parts += [f"{each} is gone" for each in report.subjects_removed]
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."


def _counted_rows(report: DiffReport) -> str:
    directions = [each.direction for each in report.rows]
    parts = [
        f"{directions.count(direction)} {direction.value}"
        for direction in (Direction.WORSE, Direction.BETTER)
        if direction in directions
    ]
    if not report.rows:
        return "no row changed"
    words = counted(len(report.rows), "row is not the same", "rows are not the same")
    return f"{words} ({', '.join(parts)})" if parts else words


def _counted_figures(report: DiffReport) -> str:
    changed = [each for each in report.figures if each.kind is Kind.CHANGED]
    if not changed:
        return f"none of {counted(report.figures_compared, 'figure')} is shown to have changed"
    return f"{len(changed)} of {counted(report.figures_compared, 'figure')} changed"


def _row(change: RowChange, address: str) -> RowLine:
    reason = relative(change.reason).partition("\n")[0]
    return RowLine(
        row=change,
        test=change.test.rpartition("::")[2],
        change=change.kind.value if change.direction is Direction.OTHER else change.direction.value,
        slug=_DIRECTIONS[change.direction],
        was=change.was.value if change.was else "",
        was_slug=_slug(change.was),
        now=change.now.value if change.now else "",
        now_slug=_slug(change.now),
        reason=reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ...",
        address=address if change.now else "",
    )


def _slug(status: Status | None) -> str:
    return outcome_of(status).slug if status else ""


def _figure(change: FigureChange) -> FigureLine:
    was, now = _parts(change.was, change.unit), _parts(change.now, change.unit)
    has_range = change.low is not None and change.high is not None
    return FigureLine(
        figure=change,
        name=figure_name(change),
        change=change.word.value if change.word else change.kind.value,
        slug=_WORDS.get(change.word, "") if change.word else "",
        was=was[0],
        was_range=was[1],
        was_key=was[2],
        now=now[0],
        now_range=now[1],
        now_key=now[2],
        ratio=significant(change.ratio) if change.ratio is not None else "",
        ratio_range=f"{significant(change.low or 0)} to {significant(change.high or 0)}" if has_range else "",
        ratio_key=format(change.ratio, ".6g") if change.ratio is not None else "",
    )


def _parts(center: Center | None, unit: str) -> tuple[str, str, str]:
    """Value, interval, and the bare number."""
    if center is None or center.value is None:
        return "", "", ""
    has_range = center.low is not None and center.high is not None
    interval = range_in(center.low or 0, center.high or 0, unit) if has_range else ""
    return value_in(center.value, unit), interval, format(center.value, ".6g")
