"""`isomark report`: two children, one page, the right exit code, and nobody left behind."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest

from harness.errors import ReportFileError, UsageError
from harness.results import write_report
from reports import command
from reports.children import run_child
from reports.command import ReportCommand
from tests.test_reports_samples import sample_conformance, sample_cost

Child = Callable[..., int]


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser()
    ReportCommand().configure(found)
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, parser: argparse.ArgumentParser, tmp_path: Path) -> Callable[..., int]:
    """The command with both children replaced; each leaves its report (unless told not to) and ends with a code."""

    def run_with(suite: int, load: int, *, leaves: tuple[str, ...] = ("conformance", "cost"), **cost: object) -> int:
        def child(words: list[str], *, folder: Path) -> int:
            assert folder == command.CHECKOUT
            assert {"--runtime=node", "--profile=full"} <= set(words)
            if "pytest" in words:
                if "conformance" in leaves:
                    write_report(tmp_path / "conformance.json", sample_conformance())
                return suite
            if "cost" in leaves:
                write_report(tmp_path / "cost.json", sample_cost(**cost))
            return load

        monkeypatch.setattr(command, "run_child", child)
        return ReportCommand().run(parser.parse_args(["--out", str(tmp_path), "--runtime=node", "--profile=full"]))

    return run_with


@pytest.mark.parametrize(("suite", "load", "code"), [(0, 0, 0), (1, 0, 1), (3, 0, 3), (0, 25, 25), (1, 25, 1)])
def test_exit_code_and_last_line(
    run: Child, tmp_path: Path, capsys: pytest.CaptureFixture[str], suite: int, load: int, code: int
) -> None:
    """The suite's code if it is not 0, else the load generator's; the page is made all the same."""
    assert run(suite, load) == code
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {tmp_path / 'index.html'}"
    assert (tmp_path / "index.html").exists()


def test_the_path_is_relative_when_it_lies_below(
    run: Child, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    run(0, 0)
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {tmp_path.name}/index.html"


def test_a_failed_load_generator_leaves_a_page_that_says_so(run: Child, tmp_path: Path) -> None:
    assert run(0, 25, leaves=("conformance",)) == 25
    assert "the load generator ended with exit code 25 and left no cost.json" in (tmp_path / "index.html").read_text()


def test_a_load_generator_cut_short_has_its_figures_shown_as_such(run: Child, tmp_path: Path) -> None:
    assert run(0, 25, complete=False, why_incomplete="launch 2 never got ready") == 25
    assert "launch 2 never got ready" in (tmp_path / "index.html").read_text()


def test_a_load_generator_that_leaves_nothing_is_a_failure(run: Child) -> None:
    assert run(0, 0, leaves=("conformance",)) == ReportFileError.exit_code


@pytest.mark.parametrize(("code", "leaves"), [(20, ()), (0, ())])
def test_no_page_without_a_conformance_file(run: Child, tmp_path: Path, code: int, leaves: tuple[str, ...]) -> None:
    """Nor one made from what an earlier run left in the folder."""
    for name in ("conformance.json", "index.html"):
        (tmp_path / name).write_text("of an earlier run")
    assert run(code, 0, leaves=leaves) == (code or ReportFileError.exit_code)
    assert not (tmp_path / "index.html").exists()


def test_rebuilding_needs_only_the_files(parser: argparse.ArgumentParser, run: Child, tmp_path: Path) -> None:
    """And gives the bytes of the run's own page."""
    run(0, 0)
    made = (tmp_path / "index.html").read_bytes()
    (tmp_path / "index.html").unlink()
    for _ in range(2):
        assert ReportCommand().run(parser.parse_args(["--rebuild", str(tmp_path)])) == 0
        assert (tmp_path / "index.html").read_bytes() == made


def test_rebuilding_without_cost_says_so(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    write_report(tmp_path / "conformance.json", sample_conformance())
    ReportCommand().run(parser.parse_args(["--rebuild", str(tmp_path)]))
    assert "there is no cost.json beside this page" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("name", ["conformance.json", "cost.json"])
@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "isomark/cost/99"}', '{"schema": "isomark/cost/1"}', "\x00"])
def test_a_damaged_file_is_named(parser: argparse.ArgumentParser, tmp_path: Path, name: str, text: str) -> None:
    write_report(tmp_path / "conformance.json", sample_conformance())
    write_report(tmp_path / "cost.json", sample_cost())
    (tmp_path / name).write_text(text)
    with pytest.raises(ReportFileError, match=name.replace(".", r"\.")):
        ReportCommand().run(parser.parse_args(["--rebuild", str(tmp_path)]))


def test_a_missing_folder_is_named(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match="nowhere"):
        ReportCommand().run(parser.parse_args(["--rebuild", str(tmp_path / "nowhere")]))


@pytest.mark.parametrize(
    "words", [["--out", "a", "--rebuild", "b"], ["--out", "a", "--profile=slow"], ["verify"], ["x"]]
)
def test_wrong_words_are_refused(parser: argparse.ArgumentParser, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args(words)


def test_no_words_at_all_are_refused(parser: argparse.ArgumentParser) -> None:
    """With all that can be asked for."""
    with pytest.raises(UsageError, match=r"--out DIR, --rebuild DIR, or one of build, rebuild, verify, diff"):
        ReportCommand().run(parser.parse_args([]))


def test_it_is_found_by_name() -> None:
    (found,) = entry_points(group="isomark.commands", name="report")
    assert found.load() is ReportCommand
    (exporter,) = entry_points(group="isomark.exporters", name="conformance.html")
    assert callable(exporter.load())


def test_a_child_shows_its_output_and_its_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import os; print(os.getcwd()); raise SystemExit(7)"
    assert run_child([sys.executable, "-c", code], folder=tmp_path) == 7
    assert capfd.readouterr().out.strip() == str(tmp_path)


def test_a_child_ended_by_a_signal_has_the_shells_code(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_child([sys.executable, "-c", code], folder=tmp_path) == 128 + signal.SIGKILL


def test_what_a_child_leaves_running_is_ended(tmp_path: Path) -> None:
    """A grandchild keeps the pipe open for as long as it lives: the read ends when it is gone."""
    reading, writing = os.pipe()
    code = f"""
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[{writing}])
    """
    os.set_inheritable(writing, True)
    wrapper = [sys.executable, "-c", dedent(code)]
    monkey = [sys.executable, "-c", f"import os, sys; os.execv(sys.executable, {wrapper!r})"]
    outer = dedent(f"""
        import subprocess, sys
        from pathlib import Path
        from reports.children import run_child
        import reports.children as children
        start = subprocess.Popen
        children.subprocess.Popen = lambda *a, **k: start(*a, pass_fds=[{writing}], **k)
        raise SystemExit(run_child({monkey!r}, folder=Path({str(tmp_path)!r})))
    """)
    process = subprocess.Popen([sys.executable, "-c", outer], cwd=command.CHECKOUT, pass_fds=[writing])
    os.close(writing)
    assert process.wait(300) == 0
    with os.fdopen(reading) as pipe:
        assert pipe.read() == ""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_reaches_the_child_and_ends_it(tmp_path: Path, ending: signal.Signals) -> None:
    """The child is told once, has time to tidy up, and is gone when the parent is."""
    child = dedent("""
        import os, signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            print("ready", flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            time.sleep(0.1)
            print("tidied", flush=True)
            raise SystemExit(2)
    """)
    outer = dedent(f"""
        import signal, sys
        from pathlib import Path
        from reports.children import run_child
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            run_child([sys.executable, "-c", {child!r}], folder=Path({str(tmp_path)!r}))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            raise SystemExit(130)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", outer], cwd=command.CHECKOUT, stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert process.stdout
    with process.stdout as output:
        assert output.readline() == "ready\n"
        process.send_signal(ending)
        # Reading to the end waits for every holder of the pipe, the child among them.
        assert output.read() == "tidied\ninterrupted\n"
    assert process.wait(300) == 130
