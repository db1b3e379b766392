"""The folder of `--out`: there before anything is measured, and without what an earlier run left."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ReportFileError


def prepare(folder: Path, file_name: str) -> None:
    """Make it, and take away an earlier run's file of that name, which must not stand for this one if it is killed.

    Raises `ReportFileError` for a folder that cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file_name).unlink(missing_ok=True)
    except OSError as error:
        raise ReportFileError(
            f"--out={folder} cannot be written to: {error.strerror}", remedy="name a folder you may write to"
        ) from error
