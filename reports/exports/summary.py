"""summary.md: a comparison on one screen of a pull request, with the rest folded away below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.comparison_results import ComparisonReport, Pair, Role, Series, Subject
from harness.results import ConformanceReport
from harness.rows import Row
from harness.verdict import BROKEN
from reports import answer, provenance
from reports.exports.markdown import code, folded, table, text
from reports.exports.outcomes import figure_of
from reports.key_figures import KEY_FIGURES, interval_of, key_figures, value_in
from reports.quantities import counted, moment, significant

LONGEST = 60_000
"""Characters: a comment on GitHub takes 65,536."""

PAGE = "index.html"

# What is above the folds is bounded by the number of subjects and claims; each fold gets at most this.
_LONGEST_FOLD = 12_000


def render(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> str:
    """The whole text, never longer than `LONGEST`; the same reports give the same text."""
    top = [
        *_title(report),
        *_verdicts(report, judged),
        *_figures(report),
        *_claims(report),
        f"The page with every plot is [{PAGE}](./{PAGE}) beside this file. {code('isomark report verify DIR')} "
        "computes everything again from the raw files and says what differs.",
        "",
    ]
    folds = [
        *_fold("Not as expected", list(_surprises(report, judged))),
        *_fold("Broken promises of the runtimes", list(_broken(report, judged))),
        *_fold("Every pair that was compared", _pairs(report)),
        *_fold("What was left out, and warnings", _caveats(report)),
        *_fold("Where it ran, and how to repeat it", _provenance(report)),
    ]
    whole = "\n".join(top)
    room = LONGEST - len("\n".join(folds)) - 1
    if len(whole) > room:
        whole = whole[: room - 100].rpartition("\n")[0] + f"\n\nCut short here: the rest is on [{PAGE}](./{PAGE}).\n"
    return "\n".join([whole, *folds]).rstrip() + "\n"


def _title(report: ComparisonReport) -> Iterator[str]:
    found = [each for each in report.subjects if each.role is Role.RUNTIME]
    verdicts = ", ".join(f"{text(each.name)} {_verdict(each)}" for each in found)
    run = report.run
    yield f"### isomark: {verdicts or 'nothing judged'}"
    yield ""
    yield (
        f"{moment(run.started)}, profile {text(run.profile)}, {counted(report.launches, 'launch', 'launches')} of each "
        f"subject, isomark {text(run.suite_version)}, commit {code(run.commit[:12] or 'unknown')}"
        f"{' with uncommitted changes' if run.dirty else ''}."
    )
    yield ""
    if not report.complete:
        yield f"> **Incomplete:** {text(report.why_incomplete or 'the run was cut short')}"
        yield ""
    if report.baseline_missing:
        yield f"> **Container baseline not measured:** {text(report.baseline_missing)}. The floor stands in for it."
        yield ""


def _verdict(subject: Subject) -> str:
    return f"**{subject.verdict.value.upper()}**" if subject.verdict else "not judged"


def _verdicts(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> Iterator[str]:
    for subject in report.subjects:
        if found := judged.get(subject.name):
            version = text(f"{subject.name} {subject.runtime.version}")
            sentence = answer.verdict_sentence(found).partition(":")[2].strip() or "nothing was judged."
            yield f"- **{version}** {_verdict(subject)}: {text(sentence)} {answer.expectation_sentence(found)}"
    yield ""


def _figures(report: ComparisonReport) -> Iterator[str]:
    """A row per key figure, a column per subject: value, 95 % interval, and the word against the baseline."""
    subjects = [each for each in report.subjects if each.role is not Role.REPEAT]
    found = {each.name: key_figures(report, each.name) for each in subjects}
    rows = [
        [figure.title, *(_cell(report, found[each.name].get(figure.name)) for each in subjects)]
        for figure in KEY_FIGURES
        if any(figure.name in figures for figures in found.values())
    ]
    if rows:
        heads = ["", *(f"{text(each.name)} ({each.role.value})" for each in subjects)]
        yield from table(heads, rows, right=range(1, len(heads)))
        yield ""
        yield "Each value is the geometric mean over the launches, with its 95 % interval below."
    yield f"Noise floor of the machine: {text(report.noise.words)}"
    yield ""


def _cell(report: ComparisonReport, series: Series | None) -> str:
    if series is None or series.center is None:
        return ""
    lines = [value_in(series.center, series.unit), interval_of(series)]
    stand_in = _stand_in(report)
    lines += [
        f"**{pair.word.value}** against {text(stand_in)}"
        for pair in report.pairs
        if pair.right.subject == stand_in and _is_left(pair, series)
    ]
    lines += [f"careful: {text(series.mark)}"] if series.mark else []
    return "<br>".join(each for each in lines if each)


def _is_left(pair: Pair, series: Series) -> bool:
    side = pair.left
    mine = (series.subject, series.scenario, series.mode, series.quantity)
    return (side.subject, side.scenario, side.mode, side.quantity) == mine


def _stand_in(report: ComparisonReport) -> str:
    """What the runtimes are held against: the container, or the floor where there is none."""
    names = {each.role: each.name for each in report.subjects}
    return names.get(Role.BASELINE) or names.get(Role.FLOOR, "")


def _claims(report: ComparisonReport) -> Iterator[str]:
    rows = [
        [
            text(each.requirement),
            text(each.rule or each.statement),
            text(each.subject),
            f"**{each.grade.value}**",
            figure_of(each),
        ]
        for each in report.claims
    ]
    if rows:
        yield from table(["Claim", "Limit", "Subject", "Grade", "Seen (95 % interval)"], rows, right=[4])
        yield ""


def _surprises(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> Iterator[str]:
    for subject in report.subjects:
        if found := judged.get(subject.name):
            yield from (f"- {text(subject.name)}: {_row(row)}" for row in found.rows if not row.as_expected)


def _broken(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> Iterator[str]:
    for subject in report.subjects:
        found = judged.get(subject.name)
        if found and subject.role is Role.RUNTIME:
            yield from (f"- {text(subject.name)}: {_row(row)}" for row in found.rows if row.status in BROKEN)


def _row(row: Row) -> str:
    reason = f": {text(row.reason)}" if row.reason else ""
    return f"**{text(row.requirement)}** {row.status.value}, {text(row.statement)}{reason}"


def _pairs(report: ComparisonReport) -> list[str]:
    rows = [
        [
            text(each.title),
            significant(each.ratio) if each.ratio is not None else "",
            f"{significant(each.low)} to {significant(each.high)}"
            if each.low is not None and each.high is not None
            else "",
            f"{each.launches_left} and {each.launches_right}",
            f"{each.word.value}{' (noise pair)' if each.noise else ''}",
        ]
        for each in report.pairs
    ]
    return table(["Pair", "Ratio", "95 % interval", "Launches", "Verdict"], rows, right=(1, 2, 3)) if rows else []


def _caveats(report: ComparisonReport) -> list[str]:
    left_out = [f"- {text(f'{e.subject}, {e.scenario}, {e.what}')}: {text(e.why)}" for e in report.excluded]
    return [*left_out, *(f"- {text(each)}" for each in report.warnings)]


def _provenance(report: ComparisonReport) -> list[str]:
    facts = [
        [text(name), text(value, longest=120)]
        for name, value in provenance.leaves(report.environment).items()
        if not name.startswith("packages")
    ]
    return [*table(["Fact", "Value"], facts), "", code(report.run.command)]


def _fold(title: str, lines: Sequence[str]) -> list[str]:
    """At most `_LONGEST_FOLD` characters of it, whole lines."""
    kept, used = [], 0
    for line in lines:
        used += len(line) + 1
        if used > _LONGEST_FOLD:
            break
        kept.append(line)
    if len(kept) < len(lines):
        kept += ["", f"{len(lines) - len(kept)} more on the page."]
    return folded(title, kept)
