"""`isomark compare` interrupted, killed, or on a full disk: what is finished is kept and gone on with."""

import errno
import os
import resource
import signal
import subprocess

import pytest

from harness import results
from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.comparison_results import read_comparison
from harness.errors import ReportFileError
from harness.toolchain import CHECKOUT
from tests.child_run import Child
from tests.compare.expected import JUDGED
from tests.compare_children import whole_process


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
