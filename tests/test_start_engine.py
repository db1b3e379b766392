"""docker/start-engine: an engine of its own, of which nothing is left however its script ends."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Processes
from tests.container_engine import START_ENGINE, can_start_one, private_engine, wait_until

needs_engine = pytest.mark.skipif(
    not can_start_one() and not os.environ.get("ISOMARK_REQUIRE_ENGINE"),
    reason="not run: starting an engine needs root and dockerd; docker/README.md says how to get it",
)

DEADLINE_S = 300.0


def bridges():
    return {path.name for path in Path("/sys/class/net").iterdir() if path.name.startswith("isomark")}


def groups():
    # Not glob(): it fails where a folder goes while it looks, and engines of other tests come and go.
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if Path(folder).name.startswith("isomark")}


def processes_in(folder):
    """Ids of the processes that name a file of an engine's folder on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.fsencode(folder) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


@contextlib.contextmanager
def leaving_no_engine(path):
    """What an engine has: its folder, its processes, its bridge, its control groups."""
    folder = Path(path).parent
    name = (next(word for word in _command(folder).split("\0") if word.startswith("isomark"))).strip()
    assert name in bridges()
    yield
    wait_until(lambda: not folder.exists(), "the folder to be gone")
    wait_until(lambda: not processes_in(folder), "the processes to be gone")
    wait_until(lambda: name not in bridges(), "the bridge to be gone")
    wait_until(lambda: not [group for group in groups() if group.endswith(name)], "the control groups to be gone")


def _command(folder):
    return Path(f"/proc/{(folder / 'pid').read_text().strip()}/cmdline").read_text()


@needs_engine
def test_a_command_has_an_engine_while_it_runs(tmp_path):
    """It is told where, by the names that tools know; its exit code is the script's; the rest of the machine is left
    alone."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    docker0 = Path("/sys/class/net/docker0").exists()
    script = """
import os, sys
from pathlib import Path
from harness.adapters.container import engine
assert os.environ["DOCKER_HOST"] == os.environ["ISOMARK_ENGINE"]
found = engine.find()
print(found.socket, Path("/proc/sys/net/ipv4/ip_forward").read_text().strip())
sys.exit(7)
"""
    done = subprocess.run(
        [START_ENGINE, sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 7, done.stderr
    path, inside = done.stdout.split()
    assert inside == forwarding.strip() == Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
    assert Path("/sys/class/net/docker0").exists() == docker0
    assert not Path(path).parent.exists()
    assert processes_in(Path(path).parent) == []


@needs_engine
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_an_engine(tmp_path, sent):
    """However the script ends, with a container running."""
    application, _ = project(tmp_path)
    with private_engine() as (path, script), leaving_no_engine(path):
        launched = contextlib.ExitStack()
        instance = launched.enter_context(resolve(f"container,engine={path},network=host").launch(application))
        (inside,) = instance.instrument(Processes).pids()
        script.send_signal(sent)
        wait_until(lambda: not instance.alive(), "the container to be ended")
        with contextlib.suppress(Exception):  # its engine is gone
            launched.close()
        wait_until(lambda: not Path(f"/proc/{inside}").exists(), "the container's process to be collected")


@needs_engine
def test_a_command_that_is_sent_away_ends_first(tmp_path):
    """SIGTERM for the script is for the command, and its engine is there until it has ended."""
    end = 'kill $!; test -S "${DOCKER_HOST#unix://}" && exit 9'
    command = f"trap '{end}' TERM; echo $DOCKER_HOST; sleep 600 & wait"
    with subprocess.Popen([START_ENGINE, "sh", "-c", command], stdout=subprocess.PIPE, text=True) as script:
        path = script.stdout.readline().strip().removeprefix("unix://")
        script.terminate()
        assert script.wait(DEADLINE_S) == 9
    assert not Path(path).parent.exists()


@needs_engine
def test_an_engine_that_does_not_start_says_why(tmp_path):
    """dockerd's own last words, and code 33."""
    false = tmp_path / "dockerd"
    false.write_text("#!/bin/sh\necho no room for an engine\nexit 3\n")
    false.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [START_ENGINE, "true"], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env=environment
    )
    assert done.returncode == 33
    assert "dockerd ended before it was ready" in done.stderr
    assert "no room for an engine" in done.stderr


@pytest.mark.skipif(shutil.which("setpriv") is None or os.geteuid() != 0, reason="no way to be somebody else")
def test_without_root_it_says_so():
    """Code 33 and one line."""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, START_ENGINE, "true"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 33
    assert done.stderr.startswith("start-engine: no container engine: ")
