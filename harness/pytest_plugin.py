"""The pytest side of the suite: options, fixtures, and a row for every test that carries `@requirement(...)`.

Loaded by name from pyproject.toml. For test files without that mark it does nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from harness import attempts, session_end, terminal
from harness.conformance_run import CONFORMANCE, ConformanceRun, add_options
from harness.errors import IsomarkError, ReportFileError
from harness.exporting import export
from harness.features import ConformanceClass
from harness.inventory import MARK
from harness.judging import ClassNotClaimed, Judge, Launcher
from harness.recorder import Recorder
from harness.row_of_test import attach, retell, row_in, row_of

_RUN = pytest.StashKey[ConformanceRun]()
_JUDGE = pytest.StashKey[Judge]()
_SUMMARY = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True)  # before junitxml looks at its own option
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "requirement(id, profile='quick'): the promise this test judges; its row carries that id"
    )
    if not _is_conformance_run(config):
        return
    try:
        run = ConformanceRun(config)
        if not hasattr(config, "workerinput"):
            run.recorder = Recorder(run.catalogue, run.inventory, run.folder)
            _ = run.identity
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
def launch(request: pytest.FixtureRequest, judge: Judge) -> Iterator[Launcher]:
    """Launches probes on the runtime under test until the test ends; see harness.judging.Launcher."""
    run = request.config.stash[_RUN]
    with contextlib.ExitStack() as stack:
        yield Launcher(run.runtime, CONFORMANCE / "workers", stack, judge)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if item.config.stash.get(_RUN, None) is None or item.get_closest_marker(MARK) is None:
        return None
    attempts.run(item, nextitem)
    return True


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
    row = row_of(item, call, report, run, item.stash.get(_JUDGE, None) or Judge(), attempts.earlier(item))
    retell(report, row)
    attach(report, row)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    recorder = _recorder_of_this_process
    row = row_in(report)
    if recorder is not None and row is not None:
        recorder.add(row)
    elif recorder is not None and str(report.when) == "???":  # what pytest-xdist reports of a test its worker died with
        recorder.add_mishap(report.nodeid, "the pytest-xdist worker that ran it died")


_recorder_of_this_process: Recorder | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    global _recorder_of_this_process  # noqa: PLW0603 - pytest_runtest_logreport is given no config
    run = session.config.stash.get(_RUN, None)
    _recorder_of_this_process = run.recorder if run is not None else None


@pytest.hookimpl(wrapper=True, trylast=True)  # inside the terminal's, so before it writes its summary
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    _conclude(session, exitstatus)
    try:
        return (yield)
    except OSError as error:  # junit.xml, where the report's folder cannot be written to any more
        session.config.stash[_SUMMARY] = f"{session.config.stash.get(_SUMMARY, '')}\n\nisomark: {error}"
        session.exitstatus = ReportFileError.exit_code
        return None


def _conclude(session: pytest.Session, exitstatus: int) -> None:
    """Write the report, and settle the exit code and the closing text."""
    run = session.config.stash.get(_RUN, None)
    if run is None or run.recorder is None or session.config.option.collectonly:
        return
    why = session_end.why_incomplete(exitstatus, session) or "; ".join(run.recorder.mishaps)
    report = run.recorder.report(
        run.runtime, run.identity, profile=run.profile, seed=session_end.order_seed(session.config), why_incomplete=why
    )
    session.config.stash[_SUMMARY] = terminal.summary(report, run.folder)
    session.exitstatus = session_end.exit_code(
        exitstatus,
        run.recorder.ran(),
        verdict=report.verdict,
        require_conformant=session.config.option.isomark_require_conformant,
    )
    if run.recorder.mishaps:
        session.exitstatus = session_end.HARNESS_ERROR
    if run.folder is not None:
        try:
            export(report, run.folder)
        except IsomarkError as error:
            session.config.stash[_SUMMARY] += f"\n\nisomark: {error}"
            session.exitstatus = error.exit_code


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
