"""An engine that ends in the middle of a launch: it is named, and nothing is left of the launch."""

import contextlib
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.errors import EngineError, RuntimeDied
from harness.footprint import leaving_nothing
from harness.kit_workers import project
from harness.registry import resolve
from harness.runtime import Processes, Request
from tests.container_engine import answers, private_engine, wait_until
from tests.listening import socket_on


def test_an_engine_that_ends_is_named(tmp_path):
    """Killed in the middle of a launch: requests and what follows say that it is the engine, and nothing is left."""
    application, _ = project(tmp_path)
    with private_engine() as (path, script):
        runtime = resolve(f"container,engine={path}")
        with runtime.launch(application):
            pass
        with leaving_nothing(tmp_path / "tmp"), killing(path, script) as kill:
            inside = _use_an_engine_that_ends(runtime, application, kill)
            wait_until(lambda: not Path(f"/proc/{inside}").exists(), "the container to end with its lifeline")
        with pytest.raises(EngineError), runtime.launch(application):
            pass


def _use_an_engine_that_ends(runtime, application, kill):
    """The container's process, which was still there when the launch was left."""
    launched = contextlib.ExitStack()
    instance = launched.enter_context(runtime.launch(application))
    (inside,) = instance.instrument(Processes).pids()
    port = urlsplit(instance.url("hello")).port
    kill()
    wait_until(lambda: not socket_on(port), "who publishes the container's port to go with the engine")
    with pytest.raises(RuntimeDied, match="Docker ended, and with it the way to its containers"):
        instance.fetch("hello", Request())
    assert Path(f"/proc/{inside}").exists()
    with pytest.raises(EngineError, match="Docker does not remove a container: it does not answer any more"):
        launched.close()
    return inside


def test_the_bodys_own_error_comes_out(tmp_path):
    """What a test raises is not covered by what the engine's death makes of the end of the launch."""
    application, _ = project(tmp_path)

    def fail(kill):
        with runtime.launch(application):
            kill()
            raise ZeroDivisionError

    with private_engine() as (path, script), killing(path, script) as kill:
        runtime = resolve(f"container,engine={path}")
        with pytest.raises(ZeroDivisionError):
            fail(kill)


@contextlib.contextmanager
def killing(path, script):
    """SIGKILL for a private engine's daemon alone, while what would clean up after it holds still."""
    (janitor,) = map(int, Path(f"/proc/{script.pid}/task/{script.pid}/children").read_text().split())
    os.kill(janitor, signal.SIGSTOP)

    def kill():
        os.kill(int((Path(path).parent / "pid").read_text()), signal.SIGKILL)
        wait_until(lambda: not answers(path), "the engine to be gone")

    try:
        yield kill
    finally:
        os.kill(janitor, signal.SIGCONT)
