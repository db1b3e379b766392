"""`isomark faults`: switch on one fault after the other, and see that the suite notices each, and nothing else."""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar

from harness import __version__, catalogue, environment
from harness.catalogue import Catalogue
from harness.conformance_run import CONFORMANCE, PROFILES
from harness.errors import ReportFileError
from harness.fault_matrix import judging
from harness.fault_matrix.choosing import Choice, chosen
from harness.fault_matrix.report import FILE_NAME, FaultsReport, write_faults
from harness.fault_matrix.running import Matrix, RowsChoice, fill
from harness.fault_matrix.text import table
from harness.interrupts import endings_as_interrupts
from harness.recorder import runtime_identity
from harness.registry import RuntimeSpecification
from harness.results import RunIdentity

EXPORTERS = "isomark.fault_exporters"
"""Whoever writes another format registers here, as `callable(report, folder) -> Path`."""

NOT_PROVEN = 1
INTERRUPTED = 130


class FaultsCommand:
    """Exit codes: 0 every fault killed without collateral and every tested requirement has one, 1 not so, 130 Ctrl-C,
    else the error's own."""

    name: ClassVar[str] = "faults"
    summary: ClassVar[str] = "break one promise after the other and see that the suite notices each, and nothing else"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--runtime", default="reference", metavar="NAME", help="adapter that carries faults (default: %(default)s)"
        )
        parser.add_argument(
            "--area",
            action="append",
            metavar="AREA",
            help="only faults of these areas, such as ISO,NET (default: every area the runtime has faults in)",
        )
        parser.add_argument("--fault", action="append", metavar="NAME", help="only this fault; may repeat")
        parser.add_argument(
            "-n", "--workers", type=int, default=1, metavar="N", help="faults tried side by side (default: %(default)s)"
        )
        parser.add_argument("--report", type=Path, metavar="DIR", help=f"write {FILE_NAME} and faults.html there")
        parser.add_argument("--profile", default="quick", choices=PROFILES, help="default: %(default)s")
        parser.add_argument(
            "--rows",
            default=RowsChoice.AREA.value,
            choices=[each.value for each in RowsChoice],
            help="rows looked at for collateral: of the chosen areas, all, or none (default: %(default)s)",
        )
        parser.add_argument(
            "--minutes",
            type=float,
            default=10.0,
            metavar="N",
            help="what the whole may take; rows beyond that are not looked at for collateral (default: %(default)g)",
        )
        parser.add_argument(
            "--deadline", type=float, metavar="SECONDS", help="of each run (default: worked out from the plain run)"
        )

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises the `IsomarkError` of a wrong word, of faults that are not the catalogue's, of a runtime that cannot
        be judged, of a report folder that cannot be written to."""
        known = catalogue.load(CONFORMANCE / "requirements.toml")
        choice = chosen(arguments, known)
        publication = _Publication(choice, known)
        matrix = Matrix(settings=choice.settings)
        folder: Path | None = arguments.report
        if folder is not None:
            _prepare(folder)

        def keep() -> None:
            if folder is not None:
                write_faults(folder, publication.report(matrix))

        interrupted = False
        try:
            with endings_as_interrupts():
                fill(matrix, tell=lambda line: print(line, file=sys.stderr, flush=True), keep=keep)
        except KeyboardInterrupt:
            interrupted = True
        report = publication.report(matrix)
        print(table(report), flush=True)
        if folder is not None:
            print(f"\nReport: {_export(report, folder)}", flush=True)
        if interrupted:
            print(f"isomark faults: {matrix.why_incomplete}", file=sys.stderr)
            return INTERRUPTED
        return 0 if report.proven else NOT_PROVEN


class _Publication:
    """What a report says beside the matrix itself, looked up once."""

    def __init__(self, choice: Choice, known: Catalogue) -> None:
        self._choice = choice
        self._settings = choice.settings
        self._runtime = runtime_identity(
            choice.runtime, RuntimeSpecification.parse(choice.settings.specification).settings
        )
        self._catalogue = known
        self._environment = environment.capture()
        self._commit, self._dirty = environment.commit()
        self._started_utc = environment.now_utc()
        self._started = time.monotonic()

    def report(self, matrix: Matrix) -> FaultsReport:
        results = matrix.results()
        unproven = judging.unproven(self._choice.requirements, results)
        complete = not matrix.why_incomplete
        named = {each for result in results for each in (result.requirement, *result.also)}
        named |= {broken.requirement for result in results for broken in result.collateral}
        return FaultsReport(
            proven=complete and not unproven and all(each.clean for each in results),
            complete=complete,
            why_incomplete=matrix.why_incomplete,
            run=RunIdentity(
                suite_version=__version__,
                specification=self._catalogue.edition,
                commit=self._commit,
                dirty=self._dirty,
                started=self._started_utc,
                duration_s=round(time.monotonic() - self._started, 1),
                command=environment.command_line(),
                profile=self._settings.profile,
            ),
            runtime=self._runtime,
            environment=self._environment,
            areas={area: self._catalogue.areas[area] for area in self._settings.areas},
            rows=self._settings.rows.value,
            requirements={each.id: each.statement for each in self._catalogue.requirement if each.id in named},
            plain=matrix.plain,
            faults=results,
            unproven=unproven,
        )


def _prepare(folder: Path) -> None:
    """Take away an earlier matrix, which must not stand for this one if it is killed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (FILE_NAME, *(entry.name for entry in entry_points(group=EXPORTERS))):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise ReportFileError(
            f"--report={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error


def _export(report: FaultsReport, folder: Path) -> Path:
    """Write every format; faults.json first, which stays. The path of the last one. Raises `ReportFileError`."""
    write_faults(folder, report)
    path = folder / FILE_NAME
    for entry in entry_points(group=EXPORTERS):
        try:
            path = entry.load()(report, folder)
        except ReportFileError:
            raise
        except Exception as error:
            raise ReportFileError(
                f"{entry.name} could not be written: {type(error).__name__}: {error}",
                remedy=f"{FILE_NAME} beside it is complete",
            ) from error
    return path
