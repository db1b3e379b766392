"""The first stages: which promises each runtime keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness import inventory
from harness.comparison_plan import ComparisonPlan, PlannedSubject
from harness.conformance_run import CONFORMANCE
from harness.errors import ReportFileError
from harness.recorder import ROWS_FILE
from harness.results import read_conformance
from reports.compare.folder import CONFORMANCE_FOLDER

AS_EXPECTED, NOT_AS_EXPECTED = 0, 1


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a run of the suite left. `kept`: a whole report, so that it need not run again."""

    kept: bool
    as_expected: bool = False
    problem: str = ""


def judged(folder: Path, plan: ComparisonPlan, subject: PlannedSubject) -> Judged:
    """What there is of the subject's promises: whole, of this plan's checkout and profile, of the same runtime."""
    path = folder / CONFORMANCE_FOLDER / subject.slug / "conformance.json"
    if not path.exists():
        return Judged(kept=False, problem="it left no conformance.json")
    try:
        report = read_conformance(path)
    except ReportFileError as error:
        return Judged(kept=False, problem=error.happened)
    if not report.complete:
        return Judged(kept=False, as_expected=report.as_expected, problem=report.why_incomplete)
    facts = {
        "another version, build or setting of the runtime": report.runtime == subject.runtime,
        f"commit {report.run.commit}": report.run.commit == plan.commit,
        f"a checkout with{'' if report.run.dirty else 'out'} changes": report.run.dirty == plan.dirty,
        f"isomark {report.run.suite_version}": report.run.suite_version == plan.suite_version,
        f"profile {report.run.profile}": report.run.profile == plan.profile,
    }
    differing = [what for what, same in facts.items() if not same]
    if differing:
        return Judged(kept=False, problem=f"its conformance.json is of {', '.join(differing)}")
    return Judged(kept=True, as_expected=report.as_expected)


def tests_done(folder: Path, subject: PlannedSubject) -> int:
    """Tests that have a row by now; a test with parameters counts once."""
    return len(set(_tests(folder / CONFORMANCE_FOLDER / subject.slug / ROWS_FILE)))


def tests_in(profile: str) -> int:
    """Tests that a run of this profile has."""
    tests = inventory.read(CONFORMANCE)
    return len({(test.file, test.name) for test in tests if profile == "full" or test.profile != "full"})


class _Row(msgspec.Struct):
    test: str


def _tests(path: Path) -> Iterator[str]:
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError:
        return
    for line in lines:
        if line.endswith(b"\n"):  # the last one may be half written
            yield msgspec.json.decode(line, type=_Row).test.partition("[")[0]
