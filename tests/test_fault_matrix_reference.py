"""The reference runtime's own faults: one for every requirement that has a test, and a part of the matrix run for real.

The whole matrix is the nightly's: `make nightly`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness import catalogue
from harness.adapters.reference.faults import FAULTS
from harness.cli import main
from harness.conformance_run import CONFORMANCE
from harness.fault_matrix.report import FaultsReport, Outcome
from harness.inventory import read

ONE_OF_EACH_AREA = ("serialise-requests", "buffers-uncounted", "wall-as-cpu", "counter-shared", "cross-request-io")


def test_every_promise_with_a_test_has_a_fault() -> None:
    tested = {function.requirement for function in read(CONFORMANCE)}
    assert tested == {fault.requirement for fault in FAULTS.values()}


def test_consequences_are_of_the_catalogue_and_explained() -> None:
    known = {each.id for each in catalogue.load(CONFORMANCE / "requirements.toml").requirement}
    for name, fault in FAULTS.items():
        assert {fault.requirement, *fault.also} <= known, name
        assert fault.requirement not in fault.also, name
        assert bool(fault.also) == bool(fault.why), name


def test_a_part_of_the_matrix(tmp_path: Path) -> None:
    """A fault of each area is noticed by the tests of its requirement."""
    chosen = ",".join(ONE_OF_EACH_AREA)
    assert main(["faults", f"--fault={chosen}", "--rows=requirement", "-n2", f"--report={tmp_path}"]) == 0
    report = msgspec.json.decode((tmp_path / "faults.json").read_bytes(), type=FaultsReport)
    assert {each.name: each.outcome for each in report.faults} == dict.fromkeys(ONE_OF_EACH_AREA, Outcome.KILLED)
    assert all(each.killed_by for each in report.faults)
    assert report.complete
    assert "counter-shared" in (tmp_path / "faults.html").read_text()
