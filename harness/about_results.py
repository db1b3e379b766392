"""about.json: what the command that made a comparison knows, and none of the measured files beside it says.

`isomark compare` writes it before the figures are computed, so that everything computed is a function of files alone.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.results import read_report

ABOUT_SCHEMA = "isomark/about/1"
ABOUT_FILE = "about.json"


class AboutReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`command` repeats the whole comparison. Times are UTC, ISO 8601; `duration_s` is of all its stages together.

    `baseline_missing`: why there is no container baseline; empty when one was measured. `complete` is false when a
    stage was cut short or never begun; `why_incomplete` then says which, and by what.
    """

    schema: str = ABOUT_SCHEMA
    command: str
    baseline_missing: str = ""
    profile: str
    started: str
    duration_s: float
    suite_version: str
    specification: str
    commit: str
    dirty: bool
    complete: bool = True
    why_incomplete: str = ""


def read_about(path: Path) -> AboutReport:
    """Raises `ReportFileError` for a file that is missing, damaged or of another version."""
    return read_report(path, AboutReport, ABOUT_SCHEMA)
