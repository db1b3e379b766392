"""Turns the rows of a run into its report, whether the run ended well or was cut short."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from harness import __version__, environment
from harness.catalogue import Catalogue, Requirement
from harness.errors import ReportFileError
from harness.inventory import TestFunction
from harness.results import ConformanceReport, RunIdentity, RuntimeIdentity
from harness.rows import Expected, ReasonCode, Row, Status
from harness.runtime import Runtime
from harness.verdict import class_verdicts, overall_verdict

ROWS_FILE = "rows.jsonl"
"""Each row as it came, appended at once: what a run that is killed leaves behind."""


_INTERRUPTED = (ReasonCode.INTERRUPTED, "the run ended before it")
_NOT_SELECTED = (ReasonCode.NOT_SELECTED, "not selected in this run")
_NOT_IN_PROFILE = (ReasonCode.NOT_IN_PROFILE, "too long for this profile: run it with --profile=full")


def runtime_identity(runtime: Runtime, settings: Mapping[str, str]) -> RuntimeIdentity:
    """What a report says of the thing under test. Raises `ToolchainError` when it is not there."""
    return RuntimeIdentity(
        name=runtime.name,
        version=runtime.version(),
        classes=tuple(sorted(runtime.classes())),
        features=tuple(sorted(runtime.features())),
        settings=dict(settings),
        identity=dict(runtime.identity()),
    )


class Recorder:
    """Collects rows. `folder` is the report folder, if one was asked for."""

    def __init__(self, catalogue: Catalogue, inventory: Iterable[TestFunction], folder: Path | None) -> None:
        self._catalogue = catalogue
        self._inventory = tuple(inventory)
        self._folder = folder
        self._rows: dict[tuple[str, str], Row] = {}
        self.mishaps: list[str] = []
        self._started = time.monotonic()
        self._started_utc = environment.now_utc()
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / ROWS_FILE).write_bytes(b"")
            except OSError as error:
                raise ReportFileError(
                    f"--report={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
                ) from error

    def add(self, row: Row) -> None:
        """Keep a row; the last word on a test wins."""
        self._rows[row.requirement, row.test] = row
        if self._folder is not None:
            # When the folder is gone or full, the end of the run says so; losing the run over it would be worse.
            with contextlib.suppress(OSError), (self._folder / ROWS_FILE).open("ab") as stream:
                stream.write(msgspec.json.encode(row) + b"\n")

    def add_mishap(self, test: str, reason: str) -> None:
        """Keep an "error" row for a test that ended without a word. `test` is pytest's node id."""
        self.mishaps.append(f"{test}: {reason}")
        for function in self._inventory:
            if test.partition("[")[0] == f"{function.file}::{function.name}":
                requirement = self._catalogue.by_id(function.requirement)
                row = blank_row(requirement, Status.ERROR, ReasonCode.HARNESS_ERROR, reason)
                described = {"test": test, "description": function.description, "profile": function.profile}
                self.add(msgspec.structs.replace(row, as_expected=False, **described))

    def ran(self) -> tuple[Row, ...]:
        """The rows of the tests that ran, in catalogue order."""
        return tuple(sorted(self._rows.values(), key=Row.order))

    def rows(self, *, profile: str, interrupted: bool) -> tuple[Row, ...]:
        """Every row of the catalogue: those that ran, the tests that did not, and the requirements without a test."""
        functions_run = {(row.requirement, _function(row.test)) for row in self._rows.values()}
        why_not = _INTERRUPTED if interrupted else _NOT_SELECTED
        rows = list(self._rows.values())
        for function in self._inventory:
            if (function.requirement, function.name) not in functions_run:
                too_long = function.profile != "quick" and profile == "quick"
                code, reason = _NOT_IN_PROFILE if too_long else why_not
                row = blank_row(self._catalogue.by_id(function.requirement), Status.NOT_RUN, code, reason)
                test = f"{function.file}::{function.name}"
                described = {"test": test, "description": function.description, "profile": function.profile}
                rows.append(msgspec.structs.replace(row, **described))
        tested = {function.requirement for function in self._inventory} | {row.requirement for row in rows}
        rows += [
            blank_row(requirement, Status.NO_TEST, ReasonCode.NO_TEST, "the suite has no test for it yet")
            for requirement in self._catalogue.requirement
            if requirement.id not in tested
        ]
        area_order = list(self._catalogue.areas)
        return tuple(sorted(rows, key=lambda row: (area_order.index(row.area), *row.order())))

    def report(
        self, runtime: Runtime, identity: RuntimeIdentity, *, profile: str, seed: int | None, why_incomplete: str
    ) -> ConformanceReport:
        """The whole report as it stands now."""
        rows = self.rows(profile=profile, interrupted=bool(why_incomplete))
        classes = class_verdicts(rows, runtime.classes())
        commit, dirty = environment.commit()
        return ConformanceReport(
            verdict=overall_verdict(classes.values()),
            complete=not why_incomplete,
            why_incomplete=why_incomplete,
            as_expected=all(row.as_expected for row in rows),
            classes=classes,
            areas=dict(self._catalogue.areas),
            run=RunIdentity(
                suite_version=__version__,
                specification=self._catalogue.edition,
                commit=commit,
                dirty=dirty,
                started=self._started_utc,
                duration_s=round(time.monotonic() - self._started, 1),
                command=environment.command_line(),
                profile=profile,
                seed=seed,
            ),
            runtime=identity,
            environment=environment.capture(),
            rows=rows,
        )


def blank_row(requirement: Requirement, status: Status, code: ReasonCode, reason: str) -> Row:
    """A row for something that was not run."""
    return Row(
        requirement=requirement.id,
        area=requirement.area,
        requirement_class=requirement.requirement_class.value,
        level=requirement.level,
        statement=requirement.statement,
        test="",
        status=status,
        expected=Expected(),
        reason_code=code,
        reason=reason,
    )


def _function(test: str) -> str:
    """The function's name in `file.py::function[parameter]`, where the parameter may hold colons (`::1`)."""
    return test.partition("[")[0].rpartition("::")[2]
