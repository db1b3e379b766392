"""The last second in Locust's CSV files: its writer writes once a second, and what came after its last turn is lost.

Replaces `StatsCSVFileWriter.close_files`, which Locust calls when all has been counted, and has `stats_writer` end with
it: a process that waits for its workers after that would write to a closed file. Imports Locust.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from locust.stats import StatsCSVFileWriter

_close_files: Callable[[Any], None] = StatsCSVFileWriter.close_files
_stats_writer: Callable[[Any], None] = StatsCSVFileWriter.stats_writer


def install() -> None:
    """Have the files of this process end with the final figures. May be called more than once."""
    StatsCSVFileWriter.close_files = _write_and_close
    StatsCSVFileWriter.stats_writer = _write_until_closed


def _write_and_close(writer: Any) -> None:
    tables = (
        (writer.requests_csv_filehandle, writer.requests_csv_writer, writer.requests_csv),
        (writer.failures_csv_filehandle, writer.failures_csv_writer, writer.failures_csv),
        (writer.exceptions_csv_filehandle, writer.exceptions_csv_writer, writer.exceptions_csv),
    )
    for file, rows, write in tables:
        file.seek(0)
        write(rows)
        file.truncate()
    writer._stats_history_data_rows(writer.stats_history_csv_writer, time.time())
    _close_files(writer)


def _write_until_closed(writer: Any) -> None:
    try:
        _stats_writer(writer)
    except ValueError:
        if not writer.requests_csv_filehandle.closed:
            raise
