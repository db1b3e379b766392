"""`isomark compare` from end to end, with stand-ins for what takes minutes: stages, codes, files, words."""

import argparse
import json
from importlib.metadata import entry_points

import pytest

from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.comparison_results import read_comparison
from harness.errors import IsomarkError, ReportFileError, ToolchainError
from reports import bundle, comparison_page
from reports.bundle_commands import RebuildCommand
from reports.compare.command import CompareCommand
from tests.compare.expected import JUDGED, MADE, contents

RENDER = comparison_page.render
"""The real one: it takes seconds, and most tests replace it."""


def test_a_whole_comparison(compare, cues, folder, capfd):
    """Promises of each runtime once, then the load, then all that is computed; the last line says where to look."""
    assert compare() == 0
    assert cues.names() == sorted([*JUDGED, "load"])
    assert all(len(cues.began(name)) == 1 for name in cues.names())
    assert all((folder / name).exists() for name in MADE)
    report, plan = read_comparison(folder / "comparison.json"), read_plan(folder / PLAN_FILE)
    assert report.complete
    assert report.run.seed == 5
    assert plan.finished
    assert [each.name for each in plan.stages] == [
        "conformance of reference",
        "conformance of workerd",
        "conformance of node",
        "load",
    ]
    about = read_about(folder / ABOUT_FILE)
    assert (about.complete, about.baseline_missing) == (True, "there is no container on this machine")
    assert about.duration_s == plan.duration_s() > 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == f"Report: {folder / 'index.html'}"
    assert "last words" not in out + err
    assert [line for line in err.splitlines() if " of 5:" in line] == [
        "isomark compare: 1 of 5: conformance of reference",
        "isomark compare: 2 of 5: conformance of workerd",
        "isomark compare: 3 of 5: conformance of node",
        "isomark compare: 4 of 5: the load, all runtimes in turn",
        "isomark compare: 5 of 5: the page",
    ]


def test_what_is_said_in_the_end(compare, capfd):
    """Verdicts, figures with intervals, ratios with words, the noise, the claims, and that there is no container."""
    compare()
    out = capfd.readouterr().out
    for words in (
        "container baseline not measured: there is no container on this machine",
        "no baseline but the floor",
        "CONFORMANT",
        "NON-CONFORMANT",
        "Cold start of an isolate",
        "Noise floor of the machine: ",
        "ISO-8",
    ):
        assert words in out
    assert "reference again" not in out.partition("Noise floor")[0].partition("verdict\n")[0]


def test_json_is_the_file_and_nothing_else(compare, folder, capfd):
    """So that it can be piped."""
    assert compare("--format=json") == 0
    out, err = capfd.readouterr()
    assert json.loads(out) == json.loads((folder / "comparison.json").read_text())
    assert f"Report: {folder / 'index.html'}" in err


def test_the_last_line_is_relative_where_it_can_be(briefly, folder, capfd, monkeypatch):
    """As one types it."""
    monkeypatch.chdir(folder.parent)
    briefly()
    assert capfd.readouterr().out.splitlines()[-1] == "Report: report/index.html"


def test_no_engine_is_an_error_where_one_is_required(briefly, cues, folder):
    """Its own, before anything is run or written."""
    with pytest.raises(ToolchainError, match="there is no container"):
        briefly("--require-container")
    assert cues.names() == []
    assert not folder.exists()


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"conformance.workerd": 1}, 1),
        ({"conformance.node": 3}, 3),
        ({"load": 1}, 1),
        ({"load": 26}, 26),
        ({"conformance.workerd": 1, "load": 26}, 1),
        ({"conformance.workerd": 3, "conformance.reference": 1}, 1),
    ],
)
def test_exit_codes(briefly, cues, folder, ends, code):
    """That of the first stage that was not as it should be; the page is made all the same, and so is the code kept."""
    for name, each in ends.items():
        cues.end_with(name, each)
    assert briefly() == code
    assert all((folder / name).exists() for name in MADE)
    assert briefly("--resume") == code
    assert all(len(cues.began(name)) == 1 for name in cues.names())


def test_a_runtime_without_a_verdict_is_measured_all_the_same(compare, cues, folder, capfd):
    """The comparison is incomplete and says why; what the child said last is shown."""
    cues.end_with("conformance.workerd", 2)
    cues.leave_nothing("conformance.workerd")
    assert compare() == 2
    report = read_comparison(folder / "comparison.json")
    assert not report.complete
    assert "conformance of workerd ended with exit code 2: it left no conformance.json" in report.why_incomplete
    assert {each.name: each.verdict for each in report.subjects}["workerd"] is None
    assert "last words of conformance.workerd" in capfd.readouterr().err
    cues.clear()
    assert compare("--resume") == 0
    assert cues.names() == ["conformance.workerd"]
    assert read_comparison(folder / "comparison.json").complete


def test_a_load_that_left_nothing(compare, cues, folder, capfd):
    """The page is of the promises alone and says why; they are kept, and the next attempt begins with the load."""
    cues.end_with("load", 25)
    cues.leave_nothing("load")
    (cues.folder / "no-journal").touch()
    assert compare() == 25
    report = read_comparison(folder / "comparison.json")
    assert (report.complete, report.launches, report.series) == (False, 0, ())
    assert report.why_incomplete == "load ended with exit code 25: it left no interleaved.json"
    assert "it left no interleaved.json" in RENDER(folder, report)
    assert [each.verdict is None for each in report.subjects] == [False] * 4
    assert "load ended with exit code 25: it left no interleaved.json" in capfd.readouterr().err
    cues.clear()
    assert compare("--resume") == 0
    assert cues.began("load") == [["load", "--seed=5"]]
    assert cues.names() == ["load"]
    assert read_comparison(folder / "comparison.json").complete


@pytest.mark.parametrize("name", ["conformance.workerd", "load"])
def test_a_child_that_leaves_nothing_and_says_all_is_well(briefly, cues, name):
    """It is a failure all the same."""
    cues.leave_nothing(name)
    assert briefly() == ReportFileError.exit_code


def test_a_load_that_was_cut_short_by_itself(briefly, cues, folder):
    """It says so in its own file: the comparison is not whole, and goes on."""
    cues.leave_part("load")
    cues.end_with("load", 130)
    assert briefly() == 130
    assert not read_plan(folder / PLAN_FILE).finished
    assert read_about(folder / ABOUT_FILE).why_incomplete == (
        "load ended with exit code 130: interrupted (Ctrl-C) in round 7"
    )
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.names() == ["load"]


def test_rebuilding_makes_no_folder(folder):
    """Where there is none, there is nothing to compute from."""
    with pytest.raises(ReportFileError, match="is no folder"):
        RebuildCommand().run(argparse.Namespace(bundle=folder))
    assert not folder.exists()


def test_building_twice_gives_the_same_bytes(compare, folder):
    """Also from a folder in which only the raw files are left; a file that was half written is no part of it."""
    compare()
    before = contents(folder)
    (folder / "load" / ".load.json.x1.partial").write_text("{")
    bundle.build(folder)
    assert contents(folder) == before
    for name in MADE:
        (folder / name).unlink()
    bundle.build(folder)
    assert contents(folder) == before


def test_a_bundle_that_cannot_be_built_has_no_manifest(compare, folder):
    """The one of an earlier time would speak of files that are no longer what it lists."""
    compare()
    (folder / "load" / "interleaved.json").write_text("{")
    with pytest.raises(IsomarkError):
        bundle.build(folder)
    assert not (folder / "manifest.sha256").exists()


def test_it_is_found_by_name():
    """Like every command."""
    (found,) = entry_points(group="isomark.commands", name="compare")
    assert found.load() is CompareCommand


@pytest.mark.parametrize("words", [[], ["--report=x", "--profile=slow"], ["--report=x", "--seed=many"]])
def test_wrong_words_are_refused(words):
    """By the parser itself."""
    parser = argparse.ArgumentParser()
    CompareCommand().configure(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
