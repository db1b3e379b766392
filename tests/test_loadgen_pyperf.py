"""Cold starts as pyperf's own commands read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyperf
import pytest

from loadgen import pyperf_file

LAUNCHES = ([4_000_000, 5_000_000, 6_000_000], [], [7_000_000, 8_000_000])


def rendered(tmp_path: Path) -> Path:
    path = tmp_path / "cold-start-isolate.pyperf.json"
    path.write_text(pyperf_file.render("cold-start/isolate", LAUNCHES, {"runtime": "workerd 1.2"}))
    return path


@pytest.mark.parametrize("command", ["stats", "hist", "check"])
def test_pyperf_reads_it(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pyperf", command, rendered(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if command == "stats":
        assert "Total number of run: 2" in done.stdout
        assert "4.00 ms" in done.stdout


def test_there_is_one_run_per_launch_that_has_samples_with_every_one_of_them_in_seconds(tmp_path: Path) -> None:
    (benchmark,) = pyperf.BenchmarkSuite.load(str(rendered(tmp_path))).get_benchmarks()
    assert [run.values for run in benchmark.get_runs()] == [(0.004, 0.005, 0.006), (0.007, 0.008)]


def test_the_metadata_names_no_machine(tmp_path: Path) -> None:
    (benchmark,) = pyperf.BenchmarkSuite.load(str(rendered(tmp_path))).get_benchmarks()
    assert benchmark.get_metadata() == {"name": "cold-start/isolate", "unit": "second", "runtime": "workerd 1.2"}


def test_no_sample_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="non-empty"):
        pyperf_file.render("x", [[]], {})
