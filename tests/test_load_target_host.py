"""The process that launches what Locust measures lives exactly as long as its parent holds the pipe to it."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.child_run import Child

# Launches, tells where it serves, and goes on when there is a file named `go`.
PARENT = """
import os, sys, time
from pathlib import Path
from loadgen.swarm import target
found = target.launch("node", "warm")
print("URL", found.url, flush=True)
while not (Path(os.environ["TMPDIR"]) / "go").exists():
    time.sleep(0.01)
{ending}
"""

CLOSES = 'found.close(); print("CODE", found.process.returncode, flush=True)'
LEAVES = 'print("LEFT", flush=True); os._exit(0)'


def said(running: Child, word: str) -> str:
    """What the child said after that word, once it has."""
    running.wait_until(lambda: f"{word} " in running.output() or running.process.poll() is not None, word)
    rest = running.output().partition(f"{word} ")[2]
    assert rest, running.output()
    return str(rest.split()[0])


def launched(folder: Path, ending: str) -> Child:
    return Child(folder, [sys.executable, "-c", PARENT.format(ending=ending)], {})


def answers(url: str) -> bool:
    with urlopen(url, timeout=60) as response:  # noqa: S310 - an address on loopback that the child told
        return bool(response.status == 200)


def test_closing_the_pipe_ends_it_and_what_it_launched(tmp_path: Path) -> None:
    """By itself: it says 0, where one that has to be killed says -9."""
    with launched(tmp_path / "run", CLOSES) as running:
        url = said(running, "URL")
        assert answers(url), "as long as the pipe is open it serves"
        assert len(running.processes()) > 2, "the host and the runtime are found by their folder"
        (running.temporary / "go").touch()
        assert said(running, "CODE") == "0"
        running.ended()
        running.wait_until(lambda: not running.leftovers(), "processes and folders to be gone")


@pytest.mark.parametrize("killed", [True, False], ids=["SIGKILL", "an end without a word"])
def test_it_ends_with_a_parent_that_says_nothing(tmp_path: Path, killed: bool) -> None:
    with launched(tmp_path / "run", LEAVES) as running:
        assert answers(said(running, "URL"))
        before = running.processes()
        if killed:
            running.process.kill()
        else:
            (running.temporary / "go").touch()
        running.ended()
        assert len(before) > 2
        running.wait_until(lambda: not running.leftovers(), "processes and folders to be gone")
