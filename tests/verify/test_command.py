"""`isomark report verify` and `rebuild` as commands: what is said, and with which code they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.errors import ReportFileError, VerificationError
from reports.verification import MANIFEST_FILE
from reports.verification.differences import between


def test_the_command_says_what_differs_and_ends_with_its_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "verify", str(folder)]) == 0
    assert "everything is as the raw files say" in capsys.readouterr().out
    (folder / "about.json").write_text("{")
    assert cli.main(["report", "verify", str(folder)]) == VerificationError.exit_code
    out, err = capsys.readouterr()
    assert out.startswith("about.json: SHA-256 is 021fb596db81..., should be ")
    assert "differences in" in err


def test_rebuilding_makes_good_what_was_computed_and_keeps_what_was_measured(
    whole: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Page, figures and manifest come back to the byte; a raw file that was changed is not healed, and is found."""
    for name in ("index.html", "comparison.json", "summary.md", "faults.html", MANIFEST_FILE):
        (folder / name).unlink()
    assert cli.main(["report", "rebuild", str(folder)]) == 0
    assert capsys.readouterr().out == f"Report: {folder / 'index.html'}\n"
    assert (folder / MANIFEST_FILE).read_bytes() == (whole / MANIFEST_FILE).read_bytes()
    (folder / "about.json").unlink()
    assert cli.main(["report", "rebuild", str(folder)]) == ReportFileError.exit_code


def test_the_command_refuses_what_is_no_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "verify", str(tmp_path)]) == ReportFileError.exit_code
    assert "is not the folder of a comparison" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_it_quietly(folder: Path) -> None:
    """As of `| head`: what is printed meets nobody, in the middle or at the end."""
    (folder / "about.json").write_text("{")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        command = [sys.executable, "-m", "harness.cli", "report", "verify", str(folder)]
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (cli.EXIT_BROKEN_PIPE, b"")


def test_differences_are_named_by_what_names_a_record() -> None:
    """And a rounding of another machine is none."""
    one = {"series": [{"subject": "a", "mode": "m", "center": 1.0, "n": 3}], "flag": True, "only": [1, 2]}
    other = {"series": [{"subject": "a", "mode": "m", "center": 1.0 + 1e-12, "n": 4}], "flag": 1, "more": None}
    assert list(between(one, other)) == [
        ("series[a m].n", "3", "4"),
        ("flag", "True", "1"),
        ("only", "2 entries", "nothing"),
        ("more", "nothing", "None"),
    ]
