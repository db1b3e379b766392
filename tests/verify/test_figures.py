"""`isomark report verify` computes everything again: a changed row, histogram, figure or export is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.comparison_results import ComparisonReport, read_comparison
from harness.features import ConformanceClass
from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.results import read_conformance, write_report
from harness.rows import Status
from harness.verdict import class_verdicts, overall_verdict
from reports import bundle, comparison, conformance_page
from reports.verification import histograms, made, promises, verify, write_manifest
from tests import sample_bundle
from tests.changed_bundle import CONFORMANCE, LOAD, LOG, Change, changed

CHAIN = "load/chain/workerd/load.json"


def test_a_good_bundle_has_no_differences(whole: Path) -> None:
    assert verify(whole) == []


def test_with_the_real_page_a_change_of_a_letter_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    sample_bundle.write(folder, runtimes=("workerd",), launches=2, baseline=False)
    bundle.build(folder)
    assert verify(folder) == []
    page = folder / "index.html"
    page.write_text(page.read_text().replace("Why believe it", "Why believe us", 1))
    write_manifest(folder)
    (found,) = verify(folder)
    assert found.file == "index.html"
    assert "Why believe us" in found.was
    assert "Why believe it" in found.should_be


def test_a_changed_row_is_found_three_times_over(folder: Path) -> None:
    """By the manifest, by the verdict that no longer follows, and by the page beside it."""

    def keep(report: Any) -> None:
        row = next(row for row in report["rows"] if row["status"] == "fail")
        row["status"] = "pass"

    changed(folder / CONFORMANCE, keep)
    found = {(each.file, each.field) for each in verify(folder)}
    assert (CONFORMANCE, "SHA-256") in found
    assert any(file == CONFORMANCE and field.startswith("classes.") for file, field in found)
    assert any(file == "conformance/workerd/conformance.html" for file, _ in found)


def test_a_changed_row_is_found_when_the_manifest_was_made_again(folder: Path) -> None:
    """And all rows that break: then the verdict itself is wrong."""

    def keep(report: Any) -> None:
        for row in report["rows"]:
            if row["status"] != "pass":
                row.update(status="pass", expected={"status": "pass", "reason": "", "link": ""})

    changed(folder / CONFORMANCE, keep)
    write_manifest(folder)
    found = {(each.file, each.field): each for each in verify(folder)}
    assert (CONFORMANCE, "SHA-256") not in found
    verdict = found[CONFORMANCE, "verdict"]
    assert (verdict.was, verdict.should_be) == ("'non-conformant'", "'conformant'")


def test_a_consistent_verdict_is_found_out_by_the_comparison(folder: Path) -> None:
    """Rows, verdict, page and manifest were made to fit; comparison.json and the exports still tell."""
    report = read_conformance(folder / CONFORMANCE)
    rows = tuple(msgspec.structs.replace(row, status=Status.PASS, as_expected=True) for row in report.rows)
    claimed = [each for each in ConformanceClass if each.value in report.runtime.classes]
    classes = class_verdicts(rows, claimed)
    forged = msgspec.structs.replace(
        report, rows=rows, classes=classes, verdict=overall_verdict(classes.values()), as_expected=False
    )
    write_report(folder / CONFORMANCE, forged)
    conformance_page.export(forged, folder / "conformance" / "workerd")
    write_manifest(folder)
    found = verify(folder)
    assert ("comparison.json", "subjects[workerd].verdict") in {(each.file, each.field) for each in found}
    assert {"summary.md", "junit.xml", "ctrf.json"} <= {each.file for each in found}


def test_a_wrong_mark_of_a_row_is_found(folder: Path) -> None:
    """Whether a row is as expected follows from its status and its expectation."""
    changed(folder / CONFORMANCE, lambda report: report["rows"][0].update(as_expected=False))
    fields = {each.field for each in promises.check(folder, CONFORMANCE)}
    row = json.loads((folder / CONFORMANCE).read_text())["rows"][0]
    assert {f"rows[{row['requirement']} {row['test']}].as_expected", "as_expected"} <= fields


def halved(intervals: list[hlog.Interval]) -> list[hlog.Interval]:
    """Everything twice as fast."""
    return [
        hlog.Interval(
            start_s=each.start_s,
            length_s=each.length_s,
            histogram=LatencyHistogram(
                value // 2 for value, count in each.histogram.by_slot().items() for _ in range(count)
            ),
        )
        for each in intervals
    ]


def test_a_changed_histogram_is_found_through_the_figures(folder: Path) -> None:
    """Every launch made twice as fast, and the manifest made again."""
    (tag, intervals), *_ = hlog.read((folder / LOG).read_text()).items()
    (folder / LOG).write_text(hlog.render(tag, halved(intervals), started_epoch_s=1.0))
    write_manifest(folder)
    found = {each.field: each for each in verify(folder) if each.file == LOAD}
    for field in (
        "response_ns.p50",
        "service_ns.p99",
        "per_launch_p50_ns[0]",
        "per_launch_p99_ns[2]",
        "curve_ns[0][1]",
    ):
        assert f"cells[closed-1].figures.{field}" in found, field
    stated = json.loads((folder / LOAD).read_text())["cells"][0]["figures"]["response_ns"]["p50"]
    assert found["cells[closed-1].figures.response_ns.p50"].was == str(stated)
    assert LOG in found["cells[closed-1].figures.response_ns.p50"].should_be


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda cell: cell["figures"]["response_ns"].update({"p99.9": 1}), "figures.response_ns.p99.9"),
        (lambda cell: cell["figures"]["response_ns"].update({"max": 1}), "figures.response_ns.max"),
        (lambda cell: cell["figures"]["service_ns"].update({"best": 1}), "figures.service_ns.best"),
        (lambda cell: cell["figures"]["per_launch_p99_ns"].pop(), "figures.per_launch_p99_ns[2]"),
        (lambda cell: cell["figures"]["curve_ns"][5].__setitem__(1, 7), "figures.curve_ns[5][1]"),
        (lambda cell: cell.update(count=cell["count"] + 1), "count"),
        (lambda cell: cell.update(files=[]), "files"),
    ],
)
def test_a_changed_figure_of_a_cell_is_found(folder: Path, change: Change, field: str) -> None:
    changed(folder / LOAD, lambda report: change(report["cells"][0]))
    assert f"cells[closed-1].{field}" in {each.field for each in histograms.check(folder, LOAD)}


def test_a_service_time_is_checked_against_its_own_histogram(folder: Path) -> None:
    """In an open loop response and service are two series of one log."""
    mode = json.loads((folder / LOAD).read_text())["cells"][1]["mode"]
    log = folder / f"load/warm/workerd/warm-{mode}.hlog"
    response, service = hlog.read(log.read_text()).items()
    assert (response[0], service[0]) == (f"warm/{mode}/response", f"warm/{mode}/service")
    log.write_text(hlog.render_series(dict([response, (service[0], halved(service[1]))]), started_epoch_s=1.0))
    fields = {each.field for each in histograms.check(folder, LOAD)}
    assert fields == {f"cells[{mode}].figures.service_ns.{name}" for name in ("p50", "p90", "p99", "p99.9", "max")}


def test_a_log_of_another_subject_stands_for_none_of_this_one(folder: Path) -> None:
    """It lies in the bundle and is of the same cell, and was measured of something else."""
    changed(folder / LOAD, lambda report: report["cells"][0].update(files=["../node/warm-closed-1.hlog"]))
    (found, *_) = histograms.check(folder, LOAD)
    assert found.words.startswith("load/warm/workerd/../node/warm-closed-1.hlog is outside the folder")


def hop(report: Any, name: str = "rpc-hop") -> Any:
    return next(each for each in report["derived"] if each["name"] == name)


HOPS: dict[str, tuple[Change, str]] = {
    "a launch": (lambda report: hop(report)["per_launch"].__setitem__(1, 0.3), "rpc-hop.per_launch[1]"),
    "all of them": (lambda report: hop(report).update(per_launch=[0.3] * 3), "rpc-hop.per_launch[0]"),
    "one launch more": (lambda report: hop(report)["per_launch"].append(0.3), "rpc-hop.per_launch[3]"),
    "the median": (lambda report: hop(report).update(median=0.3), "rpc-hop.median"),
    "the unit": (lambda report: hop(report).update(unit="ns"), "rpc-hop.unit"),
    "left out": (lambda report: report["derived"].remove(hop(report)), "rpc-hop"),
    "invented": (lambda report: report["derived"].append(hop(report) | {"name": "pipe-hop"}), "pipe-hop"),
}


@pytest.mark.parametrize("change", HOPS)
def test_the_cost_of_a_hop_is_computed_again(folder: Path, change: str) -> None:
    """From the shortest chain and the longest: also where everything made from it was made to fit."""
    do, field = HOPS[change]
    changed(folder / CHAIN, do)
    bundle.build(folder)
    found = {each.field: each for each in verify(folder)}
    assert {each.file for each in found.values()} == {CHAIN}
    assert f"derived.{field}" in found


def test_a_hop_that_not_every_launch_has_chains_for_is_left_alone(folder: Path) -> None:
    """Which launches have a value of both chains is not said."""

    def one_fewer(report: Any) -> None:
        cell = next(each for each in report["cells"] if each["mode"].startswith("rpc-"))
        cell["figures"]["per_launch_p50_ns"].pop()

    changed(folder / CHAIN, one_fewer)
    assert not [each for each in histograms.check(folder, CHAIN) if each.field.startswith("derived")]


def test_a_cell_without_launches_is_found_and_nothing_stops_at_it(folder: Path) -> None:
    changed(folder / LOAD, lambda report: report["cells"][0]["figures"].update(per_launch_p50_ns=[]))
    bundle.build(folder)
    assert "cells[closed-1].figures.per_launch_p50_ns[0]" in {each.field for each in verify(folder)}


def test_whatever_a_check_stumbles_over_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the other files are looked at all the same."""
    (folder / "summary.md").write_text("")

    def stumble(_folder: Path) -> ComparisonReport:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(comparison, "compute", stumble)
    found = {each.file: each.was for each in verify(folder)}
    assert found["comparison.json"] == "of no use: ZeroDivisionError: division by zero"
    assert "summary.md" in found


def test_a_changed_figure_of_the_comparison_is_found(folder: Path) -> None:
    """And the page still says what it said."""

    def flatter(report: Any) -> None:
        series = next(each for each in report["series"] if each["center"])
        series["center"] *= 0.9

    changed(folder / "comparison.json", flatter)
    write_manifest(folder)
    found = [each for each in verify(folder) if each.file == "comparison.json"]
    (difference,) = found
    assert difference.field.endswith(".center")
    assert difference.field.startswith("series[cold-start")
    assert float(difference.was) == pytest.approx(float(difference.should_be) * 0.9)


@pytest.mark.parametrize("name", ["summary.md", "junit.xml", "ctrf.json", "environment.json"])
def test_a_changed_export_is_found_with_its_line(folder: Path, name: str) -> None:
    lines = (folder / name).read_text().split("\n")
    lines[4] += " "
    (folder / name).write_text("\n".join(lines))
    (found,) = made.check_exports(folder, read_comparison(folder / "comparison.json"))
    assert (found.file, found.field) == (name, "line 5")


def test_a_histogram_of_another_cell_is_found(folder: Path) -> None:
    shutil.copyfile(folder / "load/warm/node/warm-open-500.hlog", folder / LOG)
    write_manifest(folder)
    (found, *_) = [each for each in histograms.check(folder, LOAD) if each.file == LOG]
    assert "warm/open-500" in found.was
