"""pytest in a child process, judging a runtime with test files of its own, and a way to see what it leaves behind.

Whatever the child starts is told by the child's folder of temporary files, which stands in the environment, the
command line, the working directory or the log of each of its processes: never by a program's name.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.results import read_conformance
from harness.toolchain import CHECKOUT

DEADLINE_S = 300.0
"""Safety deadline for anything a child is waited for."""

HEAD = """
import os
from pathlib import Path
from conformance.mark import requirement
from harness.kit_workers import project
from harness.runtime import Processes, Request
"""


class Child:
    """A process started in the checkout with a folder of temporary files of its own, below the caller's `folder`."""

    def __init__(self, folder, command, environment):
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        with (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env={**clean, "TMPDIR": str(self.temporary), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.wait_until(self._killed, "its processes to be gone")
        self.process.wait()

    def ended(self):
        """Wait for the end; the exit code."""
        return self.process.wait(timeout=DEADLINE_S)

    def output(self):
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")

    def processes(self):
        """Ids of the processes that belong to this run and are not merely waiting to be collected."""
        needle = os.fsencode(self.temporary)
        return [
            int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit() and _belongs(place, needle)
        ]

    def notes(self, count):
        """Wait until the tests have left so many notes; their lines."""
        self.wait_until(lambda: len(self._notes()) >= count or self.process.poll() is not None, "a note of each test")
        assert len(self._notes()) == count, self.output()
        return [note.read_text(encoding="utf-8").split() for note in self._notes()]

    def wait_until(self, holds, what):
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, f"waited in vain for {what}; the child said:\n{self.output()}"
            time.sleep(0.01)

    def leftovers(self):
        return [f"process {pid}" for pid in self.processes()] + [
            str(path) for path in self.temporary.iterdir() if path.name.startswith("isomark-")
        ]

    def _killed(self):
        """Whether nothing of it runs any more. What was killed dies only when it gets a core."""
        found = self.processes()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):  # it has ended since it was found
                os.kill(pid, signal.SIGKILL)
        return not found

    def _notes(self):
        return sorted(self.temporary.glob("note-*.txt"))


class ChildRun(Child):
    """A run of `pytest FILE --runtime=RUNTIME ...` over a file with the given tests."""

    def __init__(self, folder, tests, *options, runtime="tests.third_party:TinyRuntime", environment=None):
        file = folder / "test_promises.py"
        file.write_text(HEAD + tests, encoding="utf-8")
        settings = ["-c", CHECKOUT / "pyproject.toml", f"--rootdir={folder}", "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *settings, "-p", "xdist.plugin", file, f"--runtime={runtime}"]
        # No other plugin is of use to the child, and loading them takes longer than most of these runs.
        alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        super().__init__(folder, [*command, *options], alone | (environment or {}))
        self.report_folder = folder / "report"

    def report(self):
        return read_conformance(self.report_folder / "conformance.json")


def run(folder, tests, *options, **settings):
    """Run to the end; (exit code, output, the run)."""
    with ChildRun(folder, tests, *options, **settings) as child:
        code = child.ended()
        child.wait_until(lambda: not child.leftovers(), "processes and folders to be gone")
        return code, child.output(), child


def _belongs(place, needle):
    try:
        if place.joinpath("stat").read_bytes().rpartition(b")")[2].split()[0] in b"ZX":
            return False
        words = place.joinpath("cmdline").read_bytes() + b"\0" + place.joinpath("environ").read_bytes()
        links = [os.fsencode(place.joinpath(link).readlink()) for link in ("cwd", "fd/1")]
        return any(needle in each for each in (words, *links))
    except OSError:
        return False
