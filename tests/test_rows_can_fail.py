"""Every row that workerd keeps has been seen to fail: on a runtime that breaks just that promise.

The rows workerd breaks by itself (its limits) prove that on every run of the suite against it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue, expectations
from harness.conformance_run import CONFORMANCE
from harness.inventory import read
from harness.toolchain import CHECKOUT
from tests.saboteurs import FAULTS

DEADLINE_S = 120


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_broken_promise_turns_its_row_red(fault: str, tmp_path: Path) -> None:
    requirement = FAULTS[fault].requirement
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *("-p", "no:hypothesispytest"),  # it takes a second to load
            *(
                f"--runtime=tests.saboteurs:Saboteur,fault={fault}",
                f"--requirement={requirement}",
                f"--report={tmp_path}",
            ),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    rows = [
        row
        for row in json.loads((tmp_path / "conformance.json").read_text())["rows"]
        if row["requirement"] == requirement
    ]
    statuses = {row["test"].rpartition("::")[2]: row["status"] for row in rows}
    assert {"fail", "crash"} & set(statuses.values()), f"{fault} went unnoticed: {statuses}\n{done.stdout[-3000:]}"
    assert "error" not in statuses.values(), done.stdout[-3000:]
    assert done.returncode == 1, done.stdout[-3000:]


def test_every_tested_requirement_has_a_fault_that_breaks_it() -> None:
    known = expectations.load(
        CONFORMANCE / "expectations", "workerd", catalogue.load(CONFORMANCE / "requirements.toml")
    )
    tested = {function.requirement for function in read(CONFORMANCE)}
    broken_by_workerd = {entry.requirement for entry in known.known}
    assert tested == broken_by_workerd | {fault.requirement for fault in FAULTS.values()}


def test_faults_bear_the_catalogues_names() -> None:
    requirements = catalogue.load(CONFORMANCE / "requirements.toml")
    for name, fault in FAULTS.items():
        assert name in requirements.by_id(fault.requirement).faults
