"""Whether a bundle says what its raw files say: everything that can be computed again is, and compared.

The manifest finds what was changed since it was written. It cannot find what was changed before; so verdicts are judged
again from the rows, figures computed again from the histograms and the journal, the comparison from all of them, and
the pages from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from harness.comparison_results import ComparisonReport, read_comparison
from harness.errors import IsomarkError, ReportFileError
from harness.fault_matrix.report import FILE_NAME as FAULTS_FILE
from reports.bundle_files import COMPARISON_FILE
from reports.verification import histograms, made, manifest, promises, turns
from reports.verification.differences import Difference
from reports.verification.manifest import FILE_NAME as MANIFEST_FILE
from reports.verification.manifest import write_manifest

__all__ = ["MANIFEST_FILE", "Difference", "verify", "write_manifest"]

Check = Callable[[], Iterator[Difference]]


def verify(folder: Path) -> list[Difference]:
    """Everything in the bundle that is not as its raw files say, in the order in which it is made.

    Nothing is written and no link followed: where the folder holds a link or a special file, that is all that is said.
    Raises `ReportFileError` for a folder that is no bundle at all.
    """
    _require_a_bundle(folder)
    strange = list(manifest.strange(folder))
    if strange:
        return strange
    found = [each for file, check in _raw(folder) for each in _found(file, check)]
    try:
        report = read_comparison(folder / COMPARISON_FILE)
    except ReportFileError as error:
        return [*found, _no_use(COMPARISON_FILE, error)]
    return found + [each for file, check in _made(folder, report) for each in _found(file, check)]


def _raw(folder: Path) -> Iterator[tuple[str, Check]]:
    """The checks of what was measured and judged, each with the file it is about."""
    yield MANIFEST_FILE, partial(manifest.check, folder)
    for path in sorted(folder.glob("conformance/*/conformance.json")):
        name = path.relative_to(folder).as_posix()
        yield name, partial(promises.check, folder, name)
    for path in sorted(folder.glob("load/*/*/load.json")):
        name = path.relative_to(folder).as_posix()
        yield name, partial(histograms.check, folder, name)
    yield turns.JOURNAL, partial(turns.check, folder)


def _made(folder: Path, report: ComparisonReport) -> Iterator[tuple[str, Check]]:
    """The checks of what was made from that."""
    yield COMPARISON_FILE, partial(made.check_comparison, folder, report)
    yield made.PAGE, partial(made.check_page, folder, report)
    yield "the exports", partial(made.check_exports, folder, report)
    yield FAULTS_FILE, partial(made.check_faults, folder)


def _found(file: str, check: Check) -> Iterator[Difference]:
    """What a check finds; a file it cannot read, or cannot compute with, is a finding too."""
    try:
        yield from check()
    except IsomarkError as error:
        yield _no_use(file, error)
    except Exception as error:  # noqa: BLE001 - whatever values somebody put there: the other files are looked at
        was = f"of no use: {type(error).__name__}: {error}"
        yield Difference(file=file, was=was, should_be="values that can be computed with")


def _no_use(file: str, error: IsomarkError) -> Difference:
    return Difference(file=file, was=f"of no use: {error.happened}", should_be=error.expected or "readable")


def _require_a_bundle(folder: Path) -> None:
    if not folder.is_dir():
        raise ReportFileError(
            f"{folder} is {'not a folder' if folder.exists() else 'not there'}",
            expected=f"a folder that holds {COMPARISON_FILE} and {MANIFEST_FILE}",
        )
    if not any((folder / name).exists() for name in (COMPARISON_FILE, MANIFEST_FILE)):
        raise ReportFileError(
            f"{folder} is not the folder of a comparison: it holds neither {COMPARISON_FILE} nor {MANIFEST_FILE}",
            expected="a folder that `isomark compare --report=DIR` made",
        )
