"""What changed from one bundle to another: promises, figures, environment. A figure only when its intervals say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from harness.comparison_results import ComparisonReport
from harness.diff_results import DiffReport, Fact, RunOfDiff, VerdictChange
from reports.bundle_files import Bundle
from reports.comparison import environment_differences
from reports.provenance import leaves
from reports.run_diff.figures import figure_changes
from reports.run_diff.rows import row_changes

__all__ = ["difference"]

_OF_A_MOMENT = frozenset({"load_average_1min", "steal_ticks"})
"""Facts that differ from one minute to the next."""


def difference(was: Bundle, now: Bundle) -> DiffReport:
    """From the older to the newer; the same two bundles give the same report."""
    old, new = was.comparison, now.comparison
    rows, rows_same = row_changes(was.conformance, now.conformance)
    figures = figure_changes(old, new)
    names = [each.name for each in old.subjects], [each.name for each in new.subjects]
    both = set(names[0]) & set(names[1])
    return DiffReport(
        was=_run(was),
        now=_run(now),
        circumstances=environment_differences(old, new),
        environment=tuple(_facts(_lasting(old), _lasting(new))),
        identity=tuple(_facts(_identity(old, both), _identity(new, both))),
        subjects_added=tuple(name for name in names[1] if name not in names[0]),
        subjects_removed=tuple(name for name in names[0] if name not in names[1]),
        verdicts=tuple(_verdicts(was, now)),
        rows=rows,
        rows_same=rows_same,
        figures=figures.changes,
        figures_compared=figures.compared,
        figures_too_few=figures.too_few,
    )


def _run(bundle: Bundle) -> RunOfDiff:
    report, run = bundle.comparison, bundle.comparison.run
    return RunOfDiff(
        name=bundle.name,
        started=run.started,
        suite_version=run.suite_version,
        specification=run.specification,
        commit=run.commit,
        dirty=run.dirty,
        profile=run.profile,
        launches=report.launches,
        complete=report.complete,
    )


def _facts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Fact]:
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, ""), new.get(name, "")
        if was != now:
            yield Fact(name=name, was=was, now=now)


def _lasting(report: ComparisonReport) -> dict[str, str]:
    """The facts of the environment that last, in words, by the path to each."""
    return leaves({name: value for name, value in report.environment.items() if name not in _OF_A_MOMENT})


def _identity(report: ComparisonReport, subjects: Set[str]) -> dict[str, str]:
    """What exactly was measured, and by what; a subject that only one run has is told of elsewhere."""
    found = {
        "suite": report.run.suite_version,
        "specification": report.run.specification,
        "profile": report.run.profile,
        "launches": str(report.launches),
        "complete": "yes" if report.complete else "no",
        "baseline missing because": report.baseline_missing,
    }
    for each in (each for each in report.subjects if each.name in subjects):
        facts = {"version": each.runtime.version} | each.runtime.identity | each.runtime.settings
        found |= {f"{each.name} / {name}": value for name, value in facts.items()}
    return found


def _verdicts(was: Bundle, now: Bundle) -> Iterator[VerdictChange]:
    in_both = {each.name for each in was.comparison.subjects} & {each.name for each in now.comparison.subjects}
    for name in dict.fromkeys([*was.conformance, *now.conformance]):
        if name not in in_both:
            continue
        old, new = _verdict_words(was, name), _verdict_words(now, name)
        for of in dict.fromkeys([*old, *new]):
            if old.get(of, "") != new.get(of, ""):
                yield VerdictChange(subject=name, of=of, was=old.get(of, ""), now=new.get(of, ""))


def _verdict_words(bundle: Bundle, subject: str) -> dict[str, str]:
    report = bundle.conformance.get(subject)
    if report is None:
        return {}
    return {"overall": report.verdict.value} | {name: each.verdict.value for name, each in report.classes.items()}
