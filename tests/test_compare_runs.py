"""`isomark compare` from end to end, with stand-ins for what takes minutes: stages, codes, files, and going on."""

import argparse
import errno
import json
import os
import resource
import signal
import subprocess
from importlib.metadata import entry_points

import msgspec
import pytest

from harness import results
from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.comparison_results import read_comparison
from harness.errors import AlreadyRunning, IsomarkError, ReportFileError, ToolchainError, UsageError
from harness.toolchain import CHECKOUT
from reports import bundle, comparison_page
from reports.bundle_commands import RebuildCommand
from reports.compare import running, subjects
from reports.compare.command import CompareCommand
from tests import sample_bundle
from tests.child_run import Child
from tests.compare_children import Cues, at_once, quick_page, stand_ins, whole_process

RENDER = comparison_page.render
"""The real one: it takes seconds, and most tests replace it."""

MADE = ("comparison.json", "index.html", "summary.md", "junit.xml", "ctrf.json", "environment.json", "manifest.sha256")
JUDGED = ["conformance.reference", "conformance.workerd", "conformance.node"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    sample_bundle.write(folder, baseline=False, faults=True, launches=2)
    return folder


@pytest.fixture
def cues(tmp_path, sample):
    return Cues(tmp_path / "cues", sample)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "report"


@pytest.fixture
def compare(cues, folder, monkeypatch):
    """The command in this process; the exit code."""
    for place, name, value in [*stand_ins(cues), *quick_page(cues), (running, "run_logged", at_once)]:
        monkeypatch.setattr(place, name, value)
    parser = argparse.ArgumentParser()
    CompareCommand().configure(parser)

    def run(*words):
        return CompareCommand().run(parser.parse_args([f"--report={folder}", "--seed=5", *words]))

    return run


@pytest.fixture
def briefly(compare, monkeypatch, sample):
    """The same without what is computed in the end: for tests that look at what comes before it."""

    def build(folder):
        assert (folder / ABOUT_FILE).exists()
        for name in MADE:
            (folder / name).write_text("made")
        return read_comparison(sample / "comparison.json")

    monkeypatch.setattr(bundle, "build", build)
    return compare


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


def test_killed_between_a_result_and_the_word_that_it_is_there(briefly, cues, folder):
    """The load knows itself that nothing is left to do; whole promises are not judged again."""
    briefly()
    plan = read_plan(folder / PLAN_FILE)
    running.folders.write_plan(folder, msgspec.structs.replace(plan, stages=(), finished=False))
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.began("load") == [["load", "--seed=5", "--resume"]]
    assert cues.names() == ["load"]


def test_going_on_with_a_finished_comparison_changes_no_byte(compare, cues, folder):
    """Nothing is run again, and what is computed is what it was."""
    compare()
    before = contents(folder)
    cues.clear()
    assert compare("--resume") == 0
    assert cues.names() == []
    assert contents(folder) == before


def test_without_resume_it_begins_anew(briefly, cues, folder):
    """Nothing of the earlier one is left."""
    briefly()
    (folder / "conformance" / "earlier").mkdir()
    cues.clear()
    assert briefly() == 0
    assert cues.names() == sorted([*JUDGED, "load"])
    assert not (folder / "conformance" / "earlier").exists()


@pytest.mark.parametrize(("field_of_run", "other"), [("commit", "f" * 40), ("dirty", True)])
def test_promises_of_another_commit_or_runtime_are_judged_again(briefly, cues, folder, field_of_run, other):
    """A conformance.json counts only if it is whole and of the same runtime and suite, edited or not."""
    briefly()
    for name, field, value in (
        ("reference", "version", "0.0.1"),
        ("workerd", field_of_run, other),
        ("node", "complete", False),
    ):
        path = folder / "conformance" / name / "conformance.json"
        found = json.loads(path.read_text())
        place = found["runtime"] if field == "version" else found["run"] if field == field_of_run else found
        place[field] = value
        path.write_text(json.dumps(found))
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.names() == sorted(JUDGED)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_result_is_never_read_as_whole(briefly, cues, folder, text):
    """It is made again."""
    briefly()
    (folder / "conformance" / "workerd" / "conformance.json").write_text(text)
    (folder / "load" / "interleaved.json").write_text(text)
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.names() == ["conformance.workerd", "load"]
    assert cues.began("load") == [["load", "--seed=5", "--resume"]]


def test_other_arguments_do_not_go_on(briefly, folder):
    """And leave what there is as it is."""
    briefly()
    before = contents(folder)
    with pytest.raises(UsageError, match="--profile=quick then, full now"):
        briefly("--resume", "--profile=full")
    assert contents(folder) == before


def test_a_container_that_was_there_and_is_gone(briefly, cues, folder, monkeypatch):
    """The comparison does not go on without it: its error ends it. One that comes meanwhile changes nothing."""
    with monkeypatch.context() as patch:
        there = msgspec.structs.replace(cues.identified("node"), name="container")
        patch.setattr(subjects, "identified", lambda name: there if name == "container" else cues.identified(name))
        cues.leave_nothing("conformance.container")
        briefly()
        assert "container" in {each.name for each in read_plan(folder / PLAN_FILE).subjects}
    with pytest.raises(ToolchainError, match="there is no container"):
        briefly("--resume")
    assert briefly() == 0
    with monkeypatch.context() as patch:
        patch.setattr(subjects, "identified", lambda name: there if name == "container" else cues.identified(name))
        assert briefly("--resume") == 0
    assert "container" not in {each.name for each in read_plan(folder / PLAN_FILE).subjects}


def test_a_runtime_that_is_another_one_by_now(briefly, cues, monkeypatch):
    """Its figures would be mixed with those of the one before."""
    briefly()

    def newer(name):
        found = cues.identified(name)
        return msgspec.structs.replace(found, version="99") if name == "workerd" else found

    monkeypatch.setattr(subjects, "identified", newer)
    with pytest.raises(UsageError, match=r"workerd is not what it was(.|\n)*99 now"):
        briefly("--resume")


def test_one_comparison_in_a_folder(briefly, folder, cues):
    """A second one in the same folder ends at once."""
    with running.only_one(folder, "a comparison", named=False), pytest.raises(AlreadyRunning) as refused:
        briefly()
    assert refused.value.exit_code == 32
    assert cues.names() == []


@pytest.mark.parametrize("what", ["resume", "rebuild"])
def test_nothing_is_touched_before_the_folder_is_free(briefly, folder, cues, what):
    """Neither what another process is writing there nor what it has written."""
    assert briefly() == 0
    (folder / "load" / ".load.json.x1.partial").write_text("being written")
    before = contents(folder)
    cues.clear()
    rebuilding = argparse.Namespace(bundle=folder)
    run = {"resume": lambda: briefly("--resume"), "rebuild": lambda: RebuildCommand().run(rebuilding)}[what]
    with running.only_one(folder, "a comparison", named=False), pytest.raises(AlreadyRunning):
        run()
    assert contents(folder) == before
    assert cues.names() == []


def test_rebuilding_makes_no_folder(folder):
    """Where there is none, there is nothing to compute from."""
    with pytest.raises(ReportFileError, match="is no folder"):
        RebuildCommand().run(argparse.Namespace(bundle=folder))
    assert not folder.exists()


def test_a_seed_is_drawn_and_kept(briefly, cues, folder):
    """The load gets the one that stands in the plan."""
    parser = argparse.ArgumentParser()
    CompareCommand().configure(parser)
    CompareCommand().run(parser.parse_args([f"--report={folder}"]))
    seed = read_plan(folder / PLAN_FILE).seed
    assert cues.began("load") == [["load", f"--seed={seed}"]]
    assert f"--seed={seed}" in read_about(folder / ABOUT_FILE).command


@pytest.mark.parametrize(("name", "ending"), [("conformance.workerd", signal.SIGINT), ("load", signal.SIGTERM)])
def test_interrupted_and_gone_on_with(compare, cues, folder, tmp_path, name, ending):
    """What is finished is kept, what there is of a page is marked incomplete, and nothing is done twice."""
    cues.hold(name)
    with Child(tmp_path / "first", whole_process(cues, "compare", f"--report={folder}", "--seed=5"), {}) as first:
        first.wait_until(lambda: cues.began(name), name)
        first.process.send_signal(ending)
        assert first.ended() == 130, first.output()
        assert "go on with the same command and --resume" in first.output()
        first.wait_until(lambda: not first.leftovers(), "everything to be gone")
    plan = read_plan(folder / PLAN_FILE)
    assert not plan.finished
    assert plan.spent_s > 0
    assert read_about(folder / ABOUT_FILE).why_incomplete.startswith("interrupted during ")
    report = read_comparison(folder / "comparison.json")
    assert (report.complete, report.launches > 0) == (False, name == "load")
    assert (folder / "index.html").exists()
    assert (folder / "manifest.sha256").exists()
    cues.clear()
    assert compare("--resume") == 0
    assert cues.names() == {"conformance.workerd": sorted([*JUDGED[1:], "load"]), "load": ["load"]}[name]
    assert cues.began("load") == [["load", "--seed=5", *(["--resume"] if name == "load" else [])]]
    assert read_comparison(folder / "comparison.json").complete


@pytest.mark.parametrize("name", ["conformance.workerd", "load", "page"])
def test_killed_and_gone_on_with(compare, cues, folder, tmp_path, name):
    """`kill -9` at any moment: nothing is left running, nothing half-written is read, what is finished is kept."""
    cues.hold(name)
    with Child(tmp_path / "first", whole_process(cues, "compare", f"--report={folder}", "--seed=5"), {}) as first:
        if name == "page":
            first.wait_until((cues.folder / "page-began").exists, "the page")
        else:
            first.wait_until(lambda: cues.began(name), name)
        first.process.kill()
        first.ended()
        first.wait_until(lambda: not first.leftovers(), "everything to be gone")
    assert not (folder / "manifest.sha256").exists()
    (folder / ".comparison.json.x.partial").write_text("{")
    cues.clear()
    assert compare("--resume") == 0
    done_again = {"conformance.workerd": sorted([*JUDGED[1:], "load"]), "load": ["load"], "page": []}
    assert cues.names() == done_again[name]
    assert read_comparison(folder / "comparison.json").complete
    assert not list(folder.rglob("*.partial"))


def test_interrupted_while_the_page_is_made(compare, cues, folder, tmp_path):
    """All is measured: the next time only the page is made."""
    cues.hold("page")
    with Child(tmp_path / "first", whole_process(cues, "compare", f"--report={folder}", "--seed=5"), {}) as first:
        first.wait_until((cues.folder / "page-began").exists, "the page")
        first.process.send_signal(signal.SIGINT)
        assert first.ended() == 130, first.output()
        assert "interrupted while the page was made" in first.output()
    assert read_plan(folder / PLAN_FILE).finished
    cues.clear()
    assert compare("--resume") == 0
    assert cues.names() == []


def test_a_child_that_finds_the_disk_full_ends_it(briefly, cues, folder, capfd):
    """With its words and the way on; what is finished stays."""
    cues.end_with("conformance.workerd", ReportFileError.exit_code)
    cues.leave_nothing("conformance.workerd")
    with pytest.raises(ReportFileError, match=r"go on with --resume(.|\n)*last words of conformance\.workerd"):
        briefly()
    assert not (folder / "manifest.sha256").exists()
    cues.clear()
    assert briefly("--resume") == 0
    assert "conformance.reference" not in cues.names()


@pytest.mark.parametrize("full_at", ["plan.json", "about.json", "comparison.json", "index.html", "manifest.sha256"])
def test_a_full_disk(compare, cues, folder, monkeypatch, full_at):
    """A clear error with its code, nothing half-written, and the same result once there is room again."""
    real = results.tempfile.NamedTemporaryFile

    def full(*words, **settings):
        if settings["prefix"] == f".{full_at}.":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*words, **settings)

    monkeypatch.setattr(results.tempfile, "NamedTemporaryFile", full)
    with pytest.raises(ReportFileError, match=rf"{full_at} cannot be written: No space left"):
        compare()
    assert not (folder / "manifest.sha256").exists()
    assert not list(folder.rglob("*.partial"))
    monkeypatch.setattr(results.tempfile, "NamedTemporaryFile", real)
    assert compare("--resume") == 0
    assert [len(cues.began(name)) for name in cues.names()] == [1] * 4
    assert read_comparison(folder / "comparison.json").complete


def test_a_file_that_grows_past_what_the_system_allows(compare, cues, folder, tmp_path):
    """The kernel itself says no in the middle of a file: what stood there before is what stands there after."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    words = whole_process(cues, "compare", f"--report={folder}", "--seed=5")
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, preexec_fn=small_files, check=False)
    assert done.returncode == ReportFileError.exit_code, done.stderr
    assert "could not be written" in done.stderr or "cannot be written" in done.stderr
    assert not list(folder.rglob("*.partial"))
    assert not (folder / "manifest.sha256").exists()
    assert compare("--resume") == 0


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
