"""However a run ends, no process, no listening port and no folder of it is left on the machine."""

import signal
import sys
import time

import pytest

from harness.toolchain import CHECKOUT
from tests.child_run import Child, ChildRun
from tests.listening import socket_on

# Each test leaves a note with the runtime's port, socket and processes once it serves, then ends as ENDING says.
TESTS = """
import pytest
from urllib.parse import urlsplit
from tests.listening import socket_on

@requirement("ISO-2")
@pytest.mark.parametrize("number", range(COUNT))
def test_served(launch, tmp_path, number):
    instance = launch(project(tmp_path)[0])
    pids = " ".join(map(str, instance.instrument(Processes).pids()))
    note = Path(os.environ["TMPDIR"]) / f"note-{number}"
    port = urlsplit(instance.url("hello")).port
    note.write_text(f"{port} {socket_on(port)} {pids}")
    note.rename(note.with_suffix(".txt"))
    ENDING
"""

WAIT = 'instance.fetch("hello", Request(path="/late"), deadline_s=600)'

ENDINGS = {
    "success": ("pass", None),
    "failure": ("assert False", None),
    "SIGINT": (WAIT, signal.SIGINT),
    "SIGTERM": (WAIT, signal.SIGTERM),
    "SIGKILL": (WAIT, signal.SIGKILL),
}

CASES = [(runtime, (), ending) for runtime in ("reference", "workerd", "node") for ending in ENDINGS] + [
    ("workerd", ("-n", "2"), ending) for ending in ("failure", "SIGINT", "SIGKILL")
]


@pytest.mark.parametrize(("runtime", "options", "ending"), CASES, ids=lambda value: "".join(value) or "alone")
def test_nothing_is_left_after(tmp_path, runtime, options, ending):
    """After a run that went well, that failed, that was interrupted and that was killed in the middle of a request."""
    body, sent = ENDINGS[ending]
    tests = TESTS.replace("COUNT", "2" if options else "1").replace("ENDING", body)
    with ChildRun(tmp_path, tests, *options, runtime=runtime) as child:
        notes = child.notes(2 if options else 1)
        if sent is not None:
            there = set(child.processes())
            assert {int(pid) for _, _, *pids in notes for pid in pids} <= there, "the runtime is found by its folder"
            child.process.send_signal(sent)
        child.ended()
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
        assert all(listening for _, listening, *_ in notes)
        # A process has let go of its memory, by which it is known, a moment before its sockets are closed.
        child.wait_until(
            lambda: not [port for port, listening, *_ in notes if socket_on(int(port)) == listening],
            "the ports to be free",
        )


LAUNCHES = """
import sys, threading
from pathlib import Path
from harness.application import Application
from harness.registry import resolve

application = Application.load(Path("conformance/workers/lifecycle"))
runtime = resolve(sys.argv[1])

def forever():
    while True:
        with runtime.launch(application):
            pass

print("go", flush=True)
threads = [threading.Thread(target=forever) for _ in range(2)]
for thread in threads:
    thread.start()
"""


@pytest.mark.parametrize("runtime", ["reference", "workerd", "node"])
def test_no_moment_of_a_launch_is_unsafe(tmp_path, runtime):
    """SIGKILL at twelve moments of launching in two threads: what was just being started goes with the rest."""
    for moment in range(12):
        with Child(tmp_path / str(moment), [sys.executable, "-c", LAUNCHES, runtime], {}) as child:
            child.wait_until(lambda child=child: "go" in child.output(), "the child to begin")
            time.sleep(moment * 0.007)  # not to wait for something: to hit another moment
            child.process.kill()
            child.ended()
            child.wait_until(lambda child=child: not child.leftovers(), "processes and folders to be gone")


def test_a_worker_of_xdist_that_dies_is_a_harness_error(tmp_path):
    """The test that took its pytest-xdist worker down has an error row, the run ends with 2, nothing is left."""
    options = ["-n", "1", "--requirement=ISO-2", f"--report={tmp_path / 'report'}", f"--rootdir={CHECKOUT}"]
    with ChildRun(
        tmp_path, "", CHECKOUT / "conformance", *options, runtime="tests.misbehaving:KillsItsTester"
    ) as child:
        code = child.ended()
        rows = [row for row in child.report().rows if row.requirement == "ISO-2" and row.status == "error"]
        assert code == 2, child.output()
        assert rows
        assert not child.report().complete
        assert {row.reason for row in rows} == {"the pytest-xdist worker that ran it died"}
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
