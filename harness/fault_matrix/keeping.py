"""A pytest plugin that keeps the rows of a run as they come, and how it ended, in one file of JSON lines.

It stands in for --report where only the rows are wanted: pages and plots take longer to make than most faults to judge.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.rows import Row
from harness.session_end import why_incomplete

OPTION = "--isomark-rows"

_WHOLE = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}

_file: Path | None = None


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The last line. `problem` is empty for a run that came to its own end."""

    problem: str


def read(file: Path) -> tuple[tuple[Row, ...], End | None]:
    """What a run kept so far; no end for one that was killed, whose last line may be cut off."""
    try:
        whole, _, _ = file.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return (), None
    lines = whole.splitlines()
    end = msgspec.json.decode(lines.pop(), type=End) if lines and lines[-1].startswith(b'{"problem"') else None
    return tuple(msgspec.json.decode(line, type=Row) for line in lines), end


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    global _file  # noqa: PLW0603 - pytest_runtest_logreport is given no config
    _file = None if hasattr(config, "workerinput") else config.getoption(OPTION)  # xdist's controller speaks for all


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    encoded = getattr(report, "isomark_row", None)
    if encoded is not None:
        _write(encoded.encode())


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    problem = why_incomplete(exitstatus, session)
    if not problem and exitstatus not in _WHOLE:
        problem = f"pytest ended with code {int(exitstatus)}"
    _write(msgspec.json.encode(End(problem=problem)))


def _write(line: bytes) -> None:
    if _file is not None:
        with _file.open("ab") as stream:
            stream.write(line + b"\n")
