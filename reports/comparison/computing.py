"""comparison.json, computed from the raw files of a bundle."""

from __future__ import annotations

from pathlib import Path

from harness.comparison_results import ComparisonReport, Excluded, Series, Subject
from harness.features import ConformanceClass
from harness.results import RunIdentity
from harness.verdict import Verdict
from reports.comparison.claims import claims_of
from reports.comparison.evidence import Evidence
from reports.comparison.exclusions import excluded_of, warnings_of
from reports.comparison.figures import answers_of, series_of
from reports.comparison.pair_rules import RULES, couples, repeated
from reports.comparison.pairs import pairs_of
from reports.comparison.raw import Raw, read_raw


def compute(folder: Path) -> ComparisonReport:
    """From load/interleaved.json and the load.json files it names, conformance/*/conformance.json, and about.json.

    The same files give the same report. Raises `ReportFileError` for a file that is missing, damaged, of another
    version, or at odds with the others.
    """
    raw = read_raw(folder)
    interleaved, about = raw.interleaved, raw.about
    seed = interleaved.run.seed or 0
    roles = {each.name: each.role for each in raw.subjects}
    series, excluded = series_of(raw), excluded_of(raw)
    answers = answers_of(raw)
    pairs = pairs_of(couples(RULES, series, roles, answers), repeated(series, roles, answers), seed=seed)
    return ComparisonReport(
        complete=about.complete and interleaved.complete,
        why_incomplete=about.why_incomplete or interleaved.why_incomplete,
        run=RunIdentity(
            suite_version=about.suite_version,
            specification=about.specification,
            commit=about.commit,
            dirty=about.dirty,
            started=about.started,
            duration_s=about.duration_s,
            command=about.command,
            profile=about.profile,
            seed=interleaved.run.seed,
        ),
        environment=interleaved.environment,
        environment_after=interleaved.environment_after,
        pinning=interleaved.pinning,
        baseline_missing=about.baseline_missing,
        subjects=tuple(_subjects(raw)),
        sources=raw.sources,
        launches=interleaved.launches,
        order=interleaved.order,
        series=series,
        pairs=pairs.pairs,
        noise=pairs.noise,
        claims=claims_of(_evidence(raw, series, excluded)),
        excluded=(*excluded, *pairs.excluded),
        warnings=(*warnings_of(raw), *pairs.warnings),
    )


def _subjects(raw: Raw) -> list[Subject]:
    return [
        Subject(
            name=each.name,
            slug=each.slug,
            role=each.role,
            runtime=each.runtime,
            verdict=_verdict(raw, each.name),
            conformance=raw.judged_in.get(each.name, ""),
        )
        for each in raw.subjects
    ]


def _verdict(raw: Raw, name: str) -> Verdict | None:
    judged = raw.judged.get(name)
    return judged.verdict if judged else None


def _evidence(raw: Raw, series: tuple[Series, ...], excluded: tuple[Excluded, ...]) -> Evidence:
    rows = [row for judged in raw.judged.values() for row in judged.rows]
    graded = {row.requirement: row.order() for row in rows if row.requirement_class == ConformanceClass.COST}
    return Evidence(
        series=series,
        roles={each.name: each.role for each in raw.subjects},
        paths={(source.scenario, source.subject): source.path for source in raw.sources},
        loads={(source.scenario, source.subject): load for source, load in raw.measured},
        excluded=excluded,
        statements={row.requirement: row.statement for row in rows},
        graded=tuple(sorted(graded, key=graded.__getitem__)),
        baseline_missing=raw.about.baseline_missing,
    )
