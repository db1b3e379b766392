"""The pytest side of the suite: options, fixtures, and a row for every test that carries `@requirement(...)`.

Loaded by name from pyproject.toml. For test files without that mark it does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import catalogue as catalogue_module
from harness import expectations as expectations_module
from harness import inventory, terminal
from harness.errors import IsomarkError, UsageError, did_you_mean
from harness.expectations import Expectations
from harness.exporting import export
from harness.features import ConformanceClass
from harness.inventory import MARK, first_paragraph
from harness.judging import ClassNotClaimed, Judge, Launcher
from harness.outcome_of_test import Ending, ending_of
from harness.recorder import Recorder, runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import RuntimeIdentity
from harness.rows import ReasonCode, Row, Status, is_expected
from harness.runtime import Runtime
from harness.toolchain import CHECKOUT

CONFORMANCE = CHECKOUT / "conformance"
DEFAULT_RUNTIME = "workerd"
PROFILES = ("quick", "full")

EXIT_AS_EXPECTED, EXIT_NOT_AS_EXPECTED, EXIT_HARNESS_ERROR, EXIT_NOTHING_SHOWN = 0, 1, 2, 3

_RUN = pytest.StashKey["_Run"]()
_JUDGE = pytest.StashKey[Judge]()


class _Run:
    """What one conformance run knows, in the controller and in each pytest-xdist worker alike."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self.specification = option.isomark_runtime or DEFAULT_RUNTIME
        self.catalogue = catalogue_module.load(CONFORMANCE / "requirements.toml")
        self.areas = _words(option.isomark_area)
        self.requirements = _words(option.isomark_requirement)
        self._check_selection()
        self.profile: str = option.isomark_profile
        self.runtime: Runtime = resolve(self.specification)
        self.expectations = self._read_expectations(option.isomark_expectations)
        self.inventory = inventory.read(CONFORMANCE)
        self._check_expectations()
        self.identity = self._identity()
        self.folder: Path | None = option.isomark_report and Path(option.isomark_report)
        self.recorder: Recorder | None = None

    def _check_selection(self) -> None:
        for identifier in self.requirements:
            self.catalogue.by_id(identifier)
        for area in self.areas:
            if area not in self.catalogue.areas:
                raise UsageError(f"there is no area {area!r}", expected=did_you_mean(area, self.catalogue.areas))

    def _read_expectations(self, file: str | None) -> Expectations:
        if file is not None:
            return expectations_module.read(Path(file), self.runtime.name, self.catalogue)
        return expectations_module.load(CONFORMANCE / "expectations", self.runtime.name, self.catalogue)

    def _identity(self) -> RuntimeIdentity:
        try:
            return runtime_identity(self.runtime, RuntimeSpecification.parse(self.specification).settings)
        except IsomarkError:
            raise
        except Exception as error:  # whatever a third party's adapter raises when it is asked what it is
            raise IsomarkError(
                f"adapter {self.specification!r} cannot say what it is: {type(error).__name__}: {error}",
                expected="version, identity, features and classes",
                remedy="check it with the contract kit, harness.testing",
            ) from error

    def _check_expectations(self) -> None:
        stale = self.expectations.stale({(function.requirement, function.name) for function in self.inventory})
        if stale:
            names = ", ".join(f"{entry.requirement} {entry.test}".strip() for entry in stale)
            raise UsageError(
                f"the expectations of {self.runtime.name} are about tests that do not exist: {names}",
                remedy=f"correct conformance/expectations/{self.runtime.name}.toml, or the file --expectations names",
            )

    def selects(self, requirement: str, profile: str) -> bool:
        """Whether --requirement, --area and --profile leave this test in."""
        if profile == "full" and self.profile != "full":
            return False
        if not self.areas and not self.requirements:
            return True
        return requirement in self.requirements or requirement.partition("-")[0] in self.areas


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("isomark", "isomark: conformance of isolate runtimes")
    group.addoption(
        "--runtime",
        dest="isomark_runtime",
        metavar="NAME",
        help=f"adapter to judge, with settings: NAME,key=value [{DEFAULT_RUNTIME}]",
    )
    group.addoption(
        "--requirement",
        dest="isomark_requirement",
        action="append",
        metavar="ID",
        help="only this requirement, such as MEM-1; may repeat",
    )
    group.addoption(
        "--area", dest="isomark_area", action="append", metavar="AREA", help="only these areas, such as ISO,NET"
    )
    group.addoption(
        "--profile",
        dest="isomark_profile",
        choices=PROFILES,
        default="quick",
        help="quick leaves the long tests out [quick]",
    )
    group.addoption(
        "--report",
        dest="isomark_report",
        metavar="DIR",
        help="write conformance.json, conformance.html and junit.xml there",
    )
    group.addoption(
        "--expectations",
        dest="isomark_expectations",
        metavar="FILE",
        help="what the runtime is known to do [conformance/expectations/NAME.toml, where there is one]",
    )
    group.addoption(
        "--require-conformant",
        dest="isomark_require_conformant",
        action="store_true",
        help="exit 1 for any lesser verdict",
    )


@pytest.hookimpl(tryfirst=True)  # before junitxml looks at its own option
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "requirement(id, profile='quick'): the promise this test judges; its row carries that id"
    )
    if not _is_conformance_run(config):
        return
    try:
        run = _Run(config)
        if not hasattr(config, "workerinput"):
            run.recorder = Recorder(run.catalogue, run.inventory, run.folder)
            if run.folder is not None:
                config.option.xmlpath = str(run.folder / "junit.xml")
    except IsomarkError as error:
        # A worker of pytest-xdist fails as its controller already has; only one of them speaks.
        pytest.exit(f"isomark: {error}", returncode=error.exit_code)
    config.stash[_RUN] = run


def pytest_report_header(config: pytest.Config) -> str | None:
    run = config.stash.get(_RUN, None)
    if run is None:
        return None
    return f"isomark: runtime {run.identity.name} {run.identity.version}, profile {run.profile}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash.get(_RUN, None)
    if run is None:
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker(MARK)
        selected = mark is None or run.selects(mark.args[0], mark.kwargs.get("profile", "quick"))
        (kept if selected else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """Where a test says what it saw; see harness.judging.Judge."""
    judge_of_test = Judge()
    request.node.stash[_JUDGE] = judge_of_test
    return judge_of_test


@pytest.fixture
def launch(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    """Launches probes on the runtime under test until the test ends; see harness.judging.Launcher."""
    run = request.config.stash[_RUN]
    with contextlib.ExitStack() as stack:
        yield Launcher(run.runtime, CONFORMANCE / "workers", stack)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker(MARK)
    run = item.config.stash.get(_RUN, None)
    if mark is None:
        return
    if run is None:
        pytest.exit("isomark: a conformance test needs a run: call `pytest conformance --runtime=NAME`", returncode=20)
    claimed = run.catalogue.by_id(mark.args[0]).requirement_class
    if claimed is not ConformanceClass.COST and claimed not in run.runtime.classes():
        raise ClassNotClaimed(f"runtime {run.runtime.name} does not claim the class {claimed.value}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = item.config.stash.get(_RUN, None)
    mark = item.get_closest_marker(MARK)
    if run is None or mark is None or (call.when != "call" and call.excinfo is None):
        return report
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, KeyboardInterrupt | SystemExit | pytest.exit.Exception):
        return report
    row = _row(item, run, mark, _ending(report, error, call.when), call.duration)
    _retell(report, row)
    # An attribute of the report travels from a pytest-xdist worker to the controller with it.
    report.isomark_row = msgspec.json.encode(row).decode()  # type: ignore[attr-defined]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    recorder = _recorder_of_this_process
    encoded = getattr(report, "isomark_row", None)
    if recorder is not None and encoded is not None:
        recorder.add(msgspec.json.decode(encoded, type=Row))


_recorder_of_this_process: Recorder | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _recorder_of_this_process  # noqa: PLW0603 - pytest_runtest_logreport is given no config
    run = session.config.stash.get(_RUN, None)
    _recorder_of_this_process = run.recorder if run is not None else None


@pytest.hookimpl(tryfirst=True)  # before the terminal writes its summary
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(_RUN, None)
    if run is None or run.recorder is None or session.config.option.collectonly:
        return
    why = _why_incomplete(exitstatus, session)
    report = run.recorder.report(
        run.runtime, run.identity, profile=run.profile, seed=_order_seed(session.config), why_incomplete=why
    )
    session.config.stash[_SUMMARY] = terminal.summary(report, run.folder)
    session.exitstatus = _exit_code(exitstatus, run.recorder.ran(), session.config, report.verdict.value)
    if run.folder is not None:
        try:
            export(report, run.folder)
        except IsomarkError as error:
            session.config.stash[_SUMMARY] += f"\n\nisomark: {error}"
            session.exitstatus = error.exit_code


_SUMMARY = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    text = config.stash.get(_SUMMARY, None)
    if text is not None:
        terminalreporter.section("isomark", sep="=")
        terminalreporter.write_line(text)


def _is_conformance_run(config: pytest.Config) -> bool:
    if config.option.isomark_runtime is not None:
        return True
    paths = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    return any(path == CONFORMANCE or CONFORMANCE in path.parents for path in paths)


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip().upper() for value in values or () for word in value.split(",") if word.strip())


def _ending(report: pytest.TestReport, error: BaseException | None, when: str) -> Ending:
    if error is None and hasattr(report, "wasxfail"):
        return Ending(status=Status.XPASS, code=ReasonCode.SKIP, reason=report.wasxfail)
    if report.skipped and hasattr(report, "wasxfail"):
        return Ending(status=Status.XFAIL, code=ReasonCode.SKIP, reason=report.wasxfail)
    if isinstance(error, pytest.skip.Exception):
        return Ending(status=Status.SKIPPED, code=ReasonCode.SKIP, reason=str(error))
    if when == "teardown":
        text = f"{type(error).__name__} while cleaning up: {error}"
        return Ending(status=Status.ERROR, code=ReasonCode.HARNESS_ERROR, reason=text)
    return ending_of(error)


def _row(item: pytest.Item, run: _Run, mark: pytest.Mark, ending: Ending, duration_s: float) -> Row:
    requirement = run.catalogue.by_id(mark.args[0])
    function = getattr(item, "originalname", None) or item.name
    expected = run.expectations.of(requirement.id, function)
    judge_of_test = item.stash.get(_JUDGE, None) or Judge()
    test = item.nodeid
    return Row(
        requirement=requirement.id,
        area=requirement.area,
        requirement_class=requirement.requirement_class.value,
        level=requirement.level,
        statement=requirement.statement,
        test=test,
        description=first_paragraph(item.function.__doc__) if isinstance(item, pytest.Function) else "",
        status=ending.status,
        expected=expected,
        as_expected=is_expected(ending.status, expected),
        reason_code=ending.code,
        reason=ending.reason,
        evidence=judge_of_test.evidence,
        measured=tuple(judge_of_test.measured),
        profile=mark.kwargs.get("profile", "quick"),
        duration_ms=round(duration_s * 1000, 1),
        repeat=f"pytest '{test}' --runtime={run.specification} --profile={run.profile}",
    )


def _retell(report: pytest.TestReport, row: Row) -> None:
    """Let pytest count the row as the run's exit code will: expected failures as xfailed, surprises as failed."""
    if row.status in {Status.XFAIL, Status.XPASS, Status.SKIPPED}:
        return
    if row.status is Status.UNSUPPORTED and row.as_expected:
        report.outcome = "skipped"
        report.longrepr = (str(report.fspath), report.location[1] or 0, f"unsupported: {row.reason}")
    elif row.as_expected and row.status is not Status.PASS:
        report.outcome = "skipped"
        report.wasxfail = f"{row.expected.reason} ({row.expected.link})"
        report.longrepr = row.reason
    elif not row.as_expected:
        report.outcome = "failed"
        if row.status is not Status.ERROR:
            report.longrepr = _unexpected_text(row)


def _unexpected_text(row: Row) -> str:
    if row.status is Status.PASS:
        return (
            f"{row.requirement} is kept, though the expectations file says {row.expected.status.value!r} "
            f"({row.expected.reason}).\nIf the runtime got better, remove that entry."
        )
    return f"{row.requirement} {row.status.value}: {row.statement}\n{row.reason}\nrepeat: {row.repeat}"


def _exit_code(exitstatus: int, ran: tuple[Row, ...], config: pytest.Config, verdict: str) -> int:
    statuses = {row.status for row in ran if not row.as_expected}
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED or (not ran and exitstatus == pytest.ExitCode.OK):
        return EXIT_NOTHING_SHOWN
    if exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} or Status.ERROR in statuses:
        return EXIT_HARNESS_ERROR
    if statuses - {Status.INCONCLUSIVE}:
        return EXIT_NOT_AS_EXPECTED
    if statuses:
        return EXIT_NOTHING_SHOWN
    if (
        exitstatus == pytest.ExitCode.TESTS_FAILED
    ):  # a test without a requirement, or a worker of pytest-xdist that died
        return EXIT_NOT_AS_EXPECTED
    if config.option.isomark_require_conformant and verdict != "conformant":
        return EXIT_NOT_AS_EXPECTED
    return EXIT_AS_EXPECTED


def _why_incomplete(exitstatus: int, session: pytest.Session) -> str:
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        return "the run was interrupted" if not session.shouldstop else str(session.shouldstop)
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        return "pytest itself failed"
    stopped = session.shouldfail or session.shouldstop
    return str(stopped) if stopped else ""


def _order_seed(config: pytest.Config) -> int | None:
    """The seed of pytest-randomly's order, where that plugin is in use."""
    seed = str(getattr(config.option, "randomly_seed", None))
    reordered = getattr(config.option, "randomly_reorganize", False)
    return int(seed) if reordered and seed.isdigit() else None
