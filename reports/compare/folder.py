"""The folder of a comparison: prepared for a new one, or taken up where an interrupted one left it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harness import SPECIFICATION, __version__, environment
from harness.about_results import ABOUT_FILE
from harness.comparison_plan import PLAN_FILE, ComparisonPlan, PlannedSubject, read_plan
from harness.comparison_results import Role
from harness.errors import ReportFileError, UsageError
from harness.redaction import command_without_machine_paths
from harness.results import PARTIAL, read_conformance, write_report
from reports.compare.asked import Asked
from reports.compare.subjects import Parties

CONFORMANCE_FOLDER = "conformance"
LOAD_FOLDER = "load"

_OWN = frozenset(
    {
        PLAN_FILE,
        ABOUT_FILE,
        CONFORMANCE_FOLDER,
        LOAD_FOLDER,
        "comparison.json",
        "index.html",
        "summary.md",
        "junit.xml",
        "ctrf.json",
        "environment.json",
        "manifest.sha256",
    }
)
"""What a comparison leaves in its folder, and so may take away from it."""

_OF_REPORT = frozenset({"conformance.json", "conformance.html", "cost.json", "index.html", "junit.xml", "rows.jsonl"})
_OF_REPORT_ENDINGS = (".hlog", ".pyperf.json")
"""What `isomark report` leaves in a folder: it wrote to the same one before there were comparisons."""


def begun_plan(asked: Asked, parties: Parties, seed: int) -> ComparisonPlan:
    """Clear the folder of an earlier comparison and write the plan of this one.

    Raises `ReportFileError` for a folder that holds something else, or cannot be written to.
    """
    _clear(asked.folder, asked.beside)
    commit, dirty = _commit_as_children_see_it(asked.folder)
    plan = ComparisonPlan(
        command=command_of(asked, seed),
        started=environment.now_utc(),
        suite_version=__version__,
        specification=SPECIFICATION,
        commit=commit,
        dirty=dirty,
        profile=asked.profile,
        seed=seed,
        launches=asked.launches,
        baseline=asked.baseline,
        baseline_missing=parties.baseline_missing,
        subjects=parties.subjects,
    )
    write_plan(asked.folder, plan)
    return plan


def resumed_plan(asked: Asked) -> ComparisonPlan | None:
    """The plan of the interrupted comparison in the folder; None where none was begun.

    Raises `UsageError` when it was begun with other arguments, and `ReportFileError` for a damaged plan.
    """
    if not (asked.folder / PLAN_FILE).exists():
        return None
    plan = read_plan(asked.folder / PLAN_FILE)
    commit, dirty = environment.commit()
    under_test = tuple(each.specification for each in plan.subjects if each.role is Role.RUNTIME)
    differing = [
        f"{option}={was} then, {now} now"
        for option, was, now in (
            ("--runtime", ",".join(under_test), ",".join(asked.runtimes)),
            ("--baseline", plan.baseline, asked.baseline),
            ("--profile", plan.profile, asked.profile),
            ("--launches", plan.launches, asked.launches),
            ("--seed", plan.seed, plan.seed if asked.seed is None else asked.seed),
            ("commit", plan.commit, commit),
            ("uncommitted changes", *("some" if each else "none" for each in (plan.dirty, dirty))),
            ("suite version", plan.suite_version, __version__),
        )
        if was != now
    ]
    if differing:
        raise UsageError(
            f"the comparison in {asked.folder} is another one: " + "; ".join(differing),
            expected="the arguments and the commit it was begun with: " + plan.command,
            remedy="begin anew without --resume, or give --report another folder",
        )
    _remove_partials(asked.folder)
    return plan


def _commit_as_children_see_it(folder: Path) -> tuple[str, bool]:
    """The commit, and whether there are changes: a folder in the checkout is one itself, once a file is in it.

    Raises `ReportFileError`.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=PARTIAL):
            return environment.commit()
    except OSError as error:
        raise ReportFileError(
            f"--report={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error


def check_still_the_same(plan: ComparisonPlan, now: Iterable[PlannedSubject]) -> None:
    """Raises `UsageError` when a runtime is not what it was when the comparison began: figures would mix."""
    here = {each.specification: each.runtime for each in now}
    for subject in plan.subjects:
        if subject.specification in here and here[subject.specification] != subject.runtime:
            was, is_now = subject.runtime.version, here[subject.specification].version
            what = f"version {was} then, {is_now} now"
            if was == is_now:
                what = f"version {was}, but another build, or with other settings"
            raise UsageError(
                f"{subject.name} is not what it was when the comparison began: {what}",
                expected="the same runtimes throughout",
                remedy="begin anew without --resume",
            )


def write_plan(folder: Path, plan: ComparisonPlan) -> None:
    """Raises `ReportFileError`."""
    write_report(folder / PLAN_FILE, plan)


def command_of(asked: Asked, seed: int) -> str:
    """The command that makes the same comparison again."""
    words = [
        "isomark",
        "compare",
        "--runtime=" + ",".join(asked.runtimes),
        f"--baseline={asked.baseline}",
        f"--profile={asked.profile}",
        f"--seed={seed}",
    ]
    if asked.launches is not None:
        words.append(f"--launches={asked.launches}")
    if asked.require_container:
        words.append("--require-container")
    return command_without_machine_paths([*words, f"--report={asked.folder}"])


def _clear(folder: Path, beside: frozenset[str]) -> None:
    """Take away what an earlier comparison left, and nothing else. Raises `ReportFileError`."""
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
        ours = names - beside
        strangers = {each for each in ours if not _own(each)}
        whole = {each for each in ours if not each.endswith(PARTIAL)}
        if strangers or (whole and not _marked(folder)):
            shown = ", ".join(sorted(strangers or whole)[:3])
            raise ReportFileError(
                f"--report={folder} holds something else than a comparison: {shown}",
                expected="an empty folder, or one that an earlier comparison left",
                remedy="name another folder, or empty this one",
            )
        # The plan last: as long as anything of ours is there, the folder stays marked as ours.
        for name in sorted(ours, key=lambda each: each == PLAN_FILE):
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportFileError(
            f"--report={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error


def _own(name: str) -> bool:
    return name in _OWN | _OF_REPORT or name.endswith((*_OF_REPORT_ENDINGS, PARTIAL))


def _marked(folder: Path) -> bool:
    """Whether a comparison, or the command before it, left this folder: by a file whose name alone is no proof."""
    for name, read in ((PLAN_FILE, read_plan), ("conformance.json", read_conformance)):
        try:
            read(folder / name)
        except ReportFileError:
            continue
        return True
    return False


def _remove_partials(folder: Path) -> None:
    """Files that were being written when the comparison was killed."""
    for path in folder.rglob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)
