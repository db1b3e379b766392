"""Children that are waited for unheard: how they end, what they said, and that none outlives its parent."""

import signal
import sys
from textwrap import dedent

import pytest

from harness.errors import ToolchainError
from reports.children import LAST_LINES, run_logged
from tests.child_run import Child


def python(code):
    return [sys.executable, "-c", dedent(code)]


def test_code_and_last_words(tmp_path):
    """What it says on either stream is kept to its end, and its last lines are handed over."""
    code = f"""
        import os, sys
        for number in range({LAST_LINES + 5}):
            print(number)
        sys.stdout.flush()
        print(os.getcwd(), os.environ["ADDED"], file=sys.stderr)
        raise SystemExit(7)
    """
    end = run_logged("child", python(code), folder=tmp_path, environment={"ADDED": "this"})
    lines = end.last_words.splitlines()
    assert end.exit_code == 7
    assert lines[-2:] == [str(LAST_LINES + 4), f"{tmp_path} this"]
    assert len(lines) == LAST_LINES


def test_a_signal_has_the_shells_code(tmp_path):
    """128 and its number."""
    end = run_logged("child", python("import os; os.kill(os.getpid(), 9)"), folder=tmp_path)
    assert end.exit_code == 128 + signal.SIGKILL


def test_nothing_of_it_is_heard(tmp_path, capfd):
    """Standard output is the command's own."""
    run_logged("child", python("print('something')"), folder=tmp_path)
    assert capfd.readouterr().out == ""


def test_a_missing_program_is_an_error(tmp_path):
    """That says what to do."""
    with pytest.raises(ToolchainError):
        run_logged("child", [str(tmp_path / "nothing")], folder=tmp_path)


def test_meanwhile_is_called_while_it_runs(tmp_path):
    """It makes the file that the child waits for."""
    code = """
        import pathlib, time
        deadline = time.monotonic() + 60
        while not pathlib.Path("go").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert pathlib.Path("go").exists()
    """
    assert run_logged("c", python(code), folder=tmp_path, meanwhile=(tmp_path / "go").touch).exit_code == 0


# The parent: a child that tidies up, or will not be ended, below a folder that both have in their environment.
PARENT = """
import sys
from pathlib import Path
from reports.children import run_logged
try:
    run_logged("child", [sys.executable, "-c", sys.argv[1]], folder=Path(sys.argv[2]), grace_s=float(sys.argv[3]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
    raise SystemExit(130)
"""

TIDY = """
import os, pathlib, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    pathlib.Path("ready").write_text(str(os.getpid()))
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path("tidied").touch()
"""

STUBBORN = """
import os, pathlib, signal, time
def noted(number, _frame):
    pathlib.Path(f"heard-{number}").touch()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, noted)
pathlib.Path("ready").write_text(str(os.getpid()))
while True:
    time.sleep(600)
"""


def parent(tmp_path, child, grace_s):
    return Child(tmp_path, [sys.executable, "-c", PARENT, child, str(tmp_path), str(grace_s)], {})


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_is_passed_on(tmp_path, ending):
    """The child tidies up, and both are gone."""
    with parent(tmp_path, TIDY, 60) as running:
        running.wait_until((tmp_path / "ready").exists, "the child")
        running.process.send_signal(ending)
        assert running.ended() == 130
        assert (tmp_path / "tidied").exists()
        running.wait_until(lambda: not running.leftovers(), "everything to be gone")


def test_a_child_that_will_not_end_is_ended(tmp_path):
    """It is asked twice, then killed. On a busy machine it is heard of only when it has more time to hear."""
    for grace_s in (0.3, 3, 30):
        place = tmp_path / str(grace_s)
        with parent(place, STUBBORN, grace_s) as running:
            running.wait_until((place / "ready").exists, "the child")
            running.process.send_signal(signal.SIGINT)
            assert running.ended() == 130
            running.wait_until(lambda running=running: not running.leftovers(), "everything to be gone")
        heard = {path.name for path in place.glob("heard-*")}
        if heard == {"heard-2", "heard-15"}:
            break
    assert heard == {"heard-2", "heard-15"}


def test_more_interrupts_shorten_the_wait(tmp_path):
    """Nobody has to wait ten minutes for a child that hangs."""
    with parent(tmp_path, STUBBORN, 600) as running:
        running.wait_until((tmp_path / "ready").exists, "the child")
        running.process.send_signal(signal.SIGINT)
        running.wait_until((tmp_path / "heard-2").exists, "the first request")
        running.process.send_signal(signal.SIGINT)
        running.wait_until((tmp_path / "heard-15").exists, "the second request")
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 130
        running.wait_until(lambda: not running.leftovers(), "everything to be gone")


def test_a_killed_parent_takes_the_child_along(tmp_path):
    """It would go on measuring beside whatever comes next."""
    with parent(tmp_path, STUBBORN, 600) as running:
        running.wait_until((tmp_path / "ready").exists, "the child")
        assert len(running.processes()) >= 2
        running.process.kill()
        running.ended()
        running.wait_until(lambda: not running.leftovers(), "everything to be gone")
