"""Every tested promise has a fault that breaks it. A part of the kill matrix runs here, and all of it every night."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue
from harness.adapters.reference.control.faults import SWITCHES
from harness.adapters.reference.faults import FAULTS
from harness.conformance_run import CONFORMANCE
from harness.inventory import read
from harness.toolchain import CHECKOUT

DEADLINE_S = 900

PART = (
    *("always-cold", "first-request-error", "exception-spreads", "no-recovery", "evict-busy"),
    *("heap-unlimited", "limit-configurable", "buffer-bodies", "no-restart"),
    *(
        "single-clock",
        "cpu-undercount",
        "cpu-in-ticks",
        "free-cpu-unlimited",
        "cpu-cap-missing",
        "no-preemption",
        "bill-wall",
    ),
    *("free-external-off-by-one", "bindings-uncounted", "counter-shared", "redirects-uncounted"),
    *("parallel-js", "no-scale-out", "cross-request-io"),
    *("env-leak", "binding-leak", "key-is-a-path", "credential-in-env", "dangling-binding"),
    *("bound-service-by-url", "binding-follows-url", "redirect-bypass"),
    *("rpc-missing", "rpc-json-only", "callee-charged-to-caller", "stale-binding"),
)
"""Some of each area, those whose tests are quick."""


@pytest.mark.parametrize("fault", PART)
def test_broken_promise_turns_its_row_red(fault: str, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "harness.cli", "faults", f"--fault={fault}"),
        *("--rows=requirement", f"--report={tmp_path}"),
    ]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (tried,) = json.loads((tmp_path / "faults.json").read_text())["faults"]
    assert (tried["name"], tried["killed"]) == (fault, True)
    assert tried["killed_by"]


def test_every_tested_requirement_has_a_fault_that_breaks_it() -> None:
    """Performance claims have no tests, and so no faults here."""
    tested = {function.requirement for function in read(CONFORMANCE)}
    assert tested == {fault.requirement for fault in FAULTS.values()}


def test_faults_bear_the_catalogues_names_and_have_a_switch() -> None:
    requirements = catalogue.load(CONFORMANCE / "requirements.toml")
    for name, fault in FAULTS.items():
        assert name in requirements.by_id(fault.requirement).faults
        assert bool(fault.also) == bool(fault.why), name
    assert set(FAULTS) == set(SWITCHES)


def test_every_fault_of_the_limits_in_the_catalogue_can_be_switched_on() -> None:
    requirements = catalogue.load(CONFORMANCE / "requirements.toml").requirement
    promised = {
        fault
        for each in requirements
        if each.area in ("ISO", "MEM", "CPU", "SUB", "CON") and each.level != "performance"
        for fault in each.faults
    }
    assert promised <= set(FAULTS)
