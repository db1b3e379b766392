"""`isomark report verify`: whatever somebody changes in a bundle is found, also when they cover it up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import cli
from harness.comparison_results import ComparisonReport, read_comparison
from harness.errors import ReportFileError, VerificationError
from harness.features import ConformanceClass
from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.results import read_conformance, write_report
from harness.rows import Status
from harness.verdict import class_verdicts, overall_verdict
from reports import bundle, comparison, comparison_page, conformance_page
from reports.verification import MANIFEST_FILE, histograms, made, manifest, promises, verify, write_manifest
from reports.verification.differences import between
from reports.verification.manifest import parsed
from tests import sample_bundle

CONFORMANCE = "conformance/workerd/conformance.json"
LOAD = "load/warm/workerd/load.json"
CHAIN = "load/chain/workerd/load.json"
LOG = "load/warm/workerd/warm-closed-1.hlog"

Change = Callable[[Any], None]


@pytest.fixture(autouse=True)
def plain_page(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Drawing the page takes most of the time; what it is made from is all that matters to most tests."""
    if "with_the_real_page" not in request.node.name:
        monkeypatch.setattr(comparison_page, "render", lambda _folder, report: f"<p>{report.run.started}</p>\n")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle nobody touches."""
    folder = tmp_path_factory.mktemp("whole") / "bundle"
    sample_bundle.write(folder, runtimes=("workerd",), launches=3, baseline=False, faults=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_page, "render", lambda _folder, report: f"<p>{report.run.started}</p>\n")
        bundle.build(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def changed(path: Path, change: Change) -> None:
    """Change a JSON file and write it as it was written."""
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


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


def test_a_changed_manifest_is_found(folder: Path) -> None:
    path = folder / MANIFEST_FILE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{'0' * 64}  about.json", *lines[1:]]) + "\n")
    (found,) = verify(folder)
    assert (found.file, found.field, found.should_be) == ("about.json", "SHA-256", "000000000000...")


@pytest.mark.parametrize("text", [b"no digest\n", b"\n".join([b"0" * 64 + b"  a"] * 2), b"\xe9", b"0" * 63 + b"  a"])
def test_a_damaged_manifest_is_found(folder: Path, text: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(text)
    with pytest.raises(ReportFileError, match="manifest"):
        list(manifest.check(folder))


def test_a_missing_manifest_is_found(folder: Path) -> None:
    (folder / MANIFEST_FILE).unlink()
    (found,) = verify(folder)
    assert found.file == MANIFEST_FILE
    assert "is missing" in found.was


@pytest.mark.parametrize("name", ["about.json", LOG, LOAD, CONFORMANCE, "comparison.json"])
def test_a_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    found = verify(folder)
    assert (name, "missing") in {(each.file, each.was) for each in found}


def test_a_file_too_many_is_found(folder: Path) -> None:
    (folder / "load" / "notes.txt").write_text("")
    (found,) = manifest.check(folder)
    assert found.words == f"load/notes.txt is there, should be listed in {MANIFEST_FILE}, or not there"


@pytest.mark.parametrize("name", [CONFORMANCE, LOAD, LOG, "comparison.json", "load/interleaved.json"])
def test_a_truncated_file_is_found_and_said(folder: Path, name: str) -> None:
    """Also when the manifest was made over it: the file cannot be read, and nothing stops at it."""
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text[: len(text) // 2])
    write_manifest(folder)
    found = verify(folder)
    assert any((Path(name).name in each.words and "of no use" in each.was) or each.file == name for each in found)


def test_a_histogram_of_another_cell_is_found(folder: Path) -> None:
    shutil.copyfile(folder / "load/warm/node/warm-open-500.hlog", folder / LOG)
    write_manifest(folder)
    (found, *_) = [each for each in histograms.check(folder, LOAD) if each.file == LOG]
    assert "warm/open-500" in found.was


@pytest.mark.parametrize("target", ["/etc/passwd", "../elsewhere", "about.json"])
def test_a_link_is_refused_and_not_followed(folder: Path, target: str) -> None:
    """Neither by the check nor by the writing of a manifest."""
    (folder / "summary.md").unlink()
    (folder / "summary.md").symlink_to(target)
    (found,) = verify(folder)
    assert found.words == f"summary.md is a link to {target}, should be a plain file of its own"
    with pytest.raises(ReportFileError, match="a link to"):
        write_manifest(folder)


def test_a_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "load", tmp_path / "elsewhere")
    (folder / "load").symlink_to(tmp_path / "elsewhere")
    (found,) = verify(folder)
    assert found.file == "load"


def test_a_pipe_is_refused_and_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (found,) = verify(folder)
    assert found.words == "pipe is neither a file nor a folder, should be a plain file of its own"


@pytest.mark.parametrize("name", [b"line\nbreak", b"back\\slash", b"no\xffutf8"])
def test_a_name_that_cannot_be_listed_is_refused(folder: Path, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_text("")
    (found,) = verify(folder)
    assert found.was == "a name that cannot stand in a manifest"
    with pytest.raises(ReportFileError, match="cannot stand in a manifest"):
        write_manifest(folder)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, words in (("nowhere", "is not there"), ("file", "is not a folder"), (".", "is not the folder of a comp")):
        with pytest.raises(ReportFileError, match=words):
            verify(tmp_path / name)


def test_a_path_that_leaves_the_bundle_is_not_opened(folder: Path, tmp_path: Path) -> None:
    """Neither one in the manifest nor one in a report."""
    secret = tmp_path / "secret.hlog"
    secret.write_text((folder / LOG).read_text())
    with (folder / MANIFEST_FILE).open("a") as stream:
        stream.write(f"{'0' * 64}  ../secret.hlog\n")
    changed(folder / LOAD, lambda report: report["cells"][0].update(files=["../../../../secret.hlog"]))
    assert {each.file: each.was for each in manifest.check(folder)}["../secret.hlog"] == "missing"
    found = {each.file: each for each in histograms.check(folder, LOAD)}
    assert "outside the folder" in found["load/warm/workerd/../../../../secret.hlog"].was


def moved(folder: Path, name: str) -> None:
    """The load of workerd's warm requests under another name, made twice as fast, and everything made to fit."""
    target = folder / "load" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / LOAD).rename(target)

    def twice_as_fast(report: Any) -> None:
        figures = report["cells"][0]["figures"]
        figures["per_launch_p50_ns"] = [each // 2 for each in figures["per_launch_p50_ns"]]

    def named(report: Any) -> None:
        source = next(each for each in report["sources"] if each["path"] == "warm/workerd/load.json")
        source["path"] = name

    changed(target, twice_as_fast)
    changed(folder / "load" / "interleaved.json", named)


@pytest.mark.parametrize("name", ["warm/workerd/forged.json", "warm/workerd/deep/load.json", "warm/node/load.json"])
def test_figures_from_a_file_that_no_check_reads_are_refused(folder: Path, name: str) -> None:
    """A load.json in another place is held against no histogram: nothing is computed from it."""
    moved(folder, name)
    write_manifest(folder)
    (found,) = [each for each in verify(folder) if each.file == "comparison.json"]
    assert f"has warm of 'workerd' in load/{name}" in found.was
    with pytest.raises(ReportFileError, match="warm"):
        bundle.build(folder)


@pytest.mark.parametrize("slug", ["workerd/x", "..", ".", "", "a\\b"])
def test_a_subject_is_kept_in_one_folder(folder: Path, slug: str) -> None:
    """Else its promises would be read from a place that no check looks at."""

    def renamed(report: Any) -> None:
        next(each for each in report["subjects"] if each["name"] == "workerd")["slug"] = slug

    changed(folder / "load" / "interleaved.json", renamed)
    with pytest.raises(ReportFileError, match="names the folder"):
        bundle.build(folder)


def test_the_manifest_is_sha256sums_own(whole: Path) -> None:
    """Sorted, every file but itself, and `sha256sum -c` agrees."""
    listed = parsed((whole / MANIFEST_FILE).read_text())
    files = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    assert listed.keys() == files - {MANIFEST_FILE}
    assert list(listed) == sorted(listed)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", MANIFEST_FILE], cwd=whole, check=True)


def test_writing_it_again_gives_the_same_bytes(folder: Path) -> None:
    before = (folder / MANIFEST_FILE).read_bytes()
    write_manifest(folder)
    assert (folder / MANIFEST_FILE).read_bytes() == before


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
    for name in ("index.html", "comparison.json", "summary.md", MANIFEST_FILE):
        (folder / name).unlink()
    assert cli.main(["report", "rebuild", str(folder)]) == 0
    assert capsys.readouterr().out == f"Report: {folder / 'index.html'}\n"
    assert (folder / MANIFEST_FILE).read_bytes() == (whole / MANIFEST_FILE).read_bytes()
    (folder / "about.json").unlink()
    assert cli.main(["report", "rebuild", str(folder)]) == ReportFileError.exit_code


def test_the_command_refuses_what_is_no_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "verify", str(tmp_path)]) == ReportFileError.exit_code
    assert "is not the folder of a comparison" in capsys.readouterr().err


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
