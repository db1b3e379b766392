"""Whole runs on real runtimes, as a user starts them: complete, cut short, and nothing left behind either way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from harness.errors import RuntimeDied, UsageError
from harness.histograms.histogram import LatencyHistogram
from harness.results import CostReport, read_cost
from tests.test_loadgen_doubles import processes_below

CHECKOUT = Path(__file__).resolve().parent.parent
DOUBLES = "tests.test_loadgen_doubles"

GONE_DEADLINE_S = 20.0
"""For the reaper to end what a killed run leaves; it takes a few milliseconds."""


def bench(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the load generator with a temporary folder of its own; its files are in `folder / "out"`."""
    (folder / "tmp").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "loadgen", "--out", folder / "out", *options],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def assert_nothing_is_left(folder: Path) -> None:
    deadline = time.monotonic() + GONE_DEADLINE_S
    while (left := [*(folder / "tmp").glob("isomark-*")], processes_below(folder / "tmp")) != ([], []):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.01)


def cost_of(folder: Path) -> CostReport:
    """The report, held against its published schema."""
    path = folder / "out" / "cost.json"
    schema = json.loads((CHECKOUT / "harness" / "schema_files" / "cost.schema.json").read_text())
    jsonschema.validate(json.loads(path.read_text()), schema)
    return read_cost(path)


def test_workerd_beside_node(tmp_path: Path) -> None:
    done = bench(tmp_path, "--launches=2", "--seed=7")
    assert (done.returncode, done.stderr) == (0, "")
    cost = cost_of(tmp_path)
    assert (cost.complete, cost.launches, cost.run.seed, cost.run.profile) == (True, 2, 7, "quick")
    assert cost.run.command == "python -m loadgen --out out --launches=2 --seed=7"
    assert len(cost.cells) == 12
    counts = {(cell.scenario, cell.mode): cell.count for cell in cost.cells}
    assert counts["cold-start", "isolate"] == 2 * 15
    assert counts["cold-start", "process"] == 2 * 2
    assert counts["warm", "runtime"] == counts["warm", "process"] == 2 * 150
    assert counts["calls", "binding-rpc-101"] == 2 * 8
    for cell in cost.cells:
        assert not cell.errors
        assert cell.discarded.keys() == {"warm-up"}
        assert len(cell.per_launch_p50_ns) == len(cell.per_launch_curves_ns) == 2
        log = (tmp_path / "out" / cell.hlog).read_text()
        encoded = [
            line.split(",")[4] for line in log.splitlines() if line.startswith(f"Tag={cell.scenario}/{cell.mode},")
        ]
        assert sum(len(LatencyHistogram.from_encoded(each)) for each in encoded) == cell.count
        assert (cell.pyperf is None) == (cell.scenario != "cold-start")
        assert cell.pyperf is None or (tmp_path / "out" / cell.pyperf).is_file()
    assert [each.name for each in cost.derived] == [
        "binding-fetch-call",
        "binding-rpc-call",
        "loopback-http-call",
        "process-http-call",
    ]
    assert "too few launches for a verdict: 2, where 10 are needed" in cost.warnings
    modes = {f"{cell.scenario}/{cell.mode}" for cell in cost.cells}
    assert [set(re.findall(r"[a-z-]+/[a-z0-9-]+", order)) for order in cost.order] == [modes, modes]
    for word in ("p50 ms", "service binding, RPC", "too few launches"):
        assert word in done.stdout
    assert_nothing_is_left(tmp_path)


def test_the_order_follows_from_the_seed_and_node_alone_has_fewer_cells(tmp_path: Path) -> None:
    reports = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        done = bench(tmp_path / name, "--runtime=node", "--launches=1", "--seed=3", "--format=json")
        assert (done.returncode, done.stderr) == (0, "")
        reports.append(cost_of(tmp_path / name))
        assert json.loads(done.stdout)["order"] == list(reports[-1].order)
    assert reports[0].order == reports[1].order
    assert {cell.mode for cell in reports[0].cells} == {
        "process",
        "runtime",
        "http-1",
        "http-101",
        "process-http-1",
        "process-http-101",
    }
    assert "cold-start/isolate is not measured: node makes no isolates on demand" in reports[0].warnings


def test_a_runtime_that_dies_leaves_what_was_measured_before(tmp_path: Path) -> None:
    done = bench(
        tmp_path, f"--runtime={DOUBLES}:RememberedWorkerd", f"--baseline={DOUBLES}:KillsTheRuntime", "--launches=3"
    )
    assert done.returncode == RuntimeDied.exit_code
    assert "was killed by SIGKILL" in done.stderr
    assert_first_launch_is_kept(tmp_path, "workerd was serving and then was killed by SIGKILL", of=3)


def test_ctrl_c_leaves_what_was_measured_before(tmp_path: Path) -> None:
    done = bench(tmp_path, f"--baseline={DOUBLES}:Interrupts", "--launches=2")
    assert done.returncode == 130
    assert_first_launch_is_kept(tmp_path, "interrupted", of=2)


def assert_first_launch_is_kept(folder: Path, why: str, *, of: int) -> None:
    cost = cost_of(folder)
    assert not cost.complete
    assert cost.why_incomplete == f"1 of {of} launches were measured: {why}"
    assert (cost.launches, len(cost.order), len(cost.cells)) == (1, 1, 12)
    assert next(cell.count for cell in cost.cells if cell.mode == "isolate") == 15
    assert_nothing_is_left(folder)


def test_a_run_that_is_killed_leaves_nothing_behind_and_no_old_report(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cost.json").write_text("an earlier run's")
    done = bench(tmp_path, f"--baseline={DOUBLES}:KillsTheOrchestrator", "--launches=2")
    assert done.returncode == -9
    assert not (tmp_path / "out" / "cost.json").exists()
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("launches", ["0", "-1", "1001"])
def test_a_senseless_number_of_launches_is_refused(tmp_path: Path, launches: str) -> None:
    done = bench(tmp_path, f"--launches={launches}")
    assert done.returncode == UsageError.exit_code
    assert "out of range" in done.stderr
    assert not (tmp_path / "out").exists()
