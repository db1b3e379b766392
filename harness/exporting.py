"""Writing a finished report: conformance.json here, every other format by whoever registered it.

Exporters register under the entry-point group `isomark.exporters` as `callable(report, folder) -> Path`, so that this
package needs to know none of them.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from harness.errors import ReportFileError
from harness.recorder import ROWS_FILE
from harness.results import ConformanceReport, write_report

GROUP = "isomark.exporters"


def export(report: ConformanceReport, folder: Path) -> None:
    """Write every format into `folder`; the rows kept for a killed run are no longer needed then.

    Raises `ReportFileError` when one cannot be written; conformance.json is written first and stays.
    """
    write_report(folder / "conformance.json", report)
    for entry in entry_points(group=GROUP):
        try:
            entry.load()(report, folder)
        except ReportFileError:
            raise
        except Exception as error:
            raise ReportFileError(
                f"{entry.name} could not be written: {type(error).__name__}: {error}",
                remedy="conformance.json beside it is complete; build the page from it again",
            ) from error
    (folder / ROWS_FILE).unlink(missing_ok=True)
