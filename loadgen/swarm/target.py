"""What is measured, seen from the generator: something that listens on this machine already, or a runtime to launch.

Launched once, by the first process of a run (the local runner or the master), never by a worker.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import gevent
import msgspec

from harness.errors import IsomarkError, NotReadyError, StartError
from loadgen.swarm.target_host import Failed, Serving

READY_DEADLINE_S = 60.0
"""Safety deadline for Python to start and the runtime to come up; together they take a second."""

GONE_DEADLINE_S = 20.0

_SOURCES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where requests go. `close` ends what was launched for it, and may be called again."""

    url: str
    runtime: str = ""
    version: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def close(self) -> None:
        if self.process is not None:
            _end(self.process)


def launch(runtime_spec: str, scenario_name: str) -> Target:
    """Launch a runtime with a scenario's Workers, in a process that dies with this one.

    Raises what the launch raised, as `IsomarkError` with its exit code, and `NotReadyError` after a minute.
    """
    path = os.pathsep.join(filter(None, (str(_SOURCES), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen.swarm.target_host", runtime_spec, scenario_name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C in a terminal is for the generator, which ends the target when it is done
    )
    try:
        return _serving(process)
    except BaseException:
        _end(process)
        raise


def _serving(process: subprocess.Popen[bytes]) -> Target:
    assert process.stdout is not None
    line = b""
    with gevent.Timeout(READY_DEADLINE_S, False):
        line = process.stdout.readline()
        if not line:
            raise StartError("the process that launches the runtime ended without a word", expected="its reason above")
    if not line:
        raise NotReadyError(f"the runtime did not come up within {READY_DEADLINE_S:g} s")
    message = msgspec.json.decode(line, type=Serving | Failed)
    if isinstance(message, Failed):
        raise _launch_failed(message)
    return Target(url=message.url, runtime=message.runtime, version=message.version, process=process)


def _launch_failed(message: Failed) -> IsomarkError:
    error = IsomarkError(message.happened, expected=message.expected, remedy=message.remedy, log_tail=message.log_tail)
    error.__dict__["exit_code"] = message.exit_code  # that of the class the other process raised
    return error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Hang up and wait: the process then ends the runtime and itself."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(timeout=GONE_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()  # its reaper then ends what it launched
        process.wait()
    process.stdout.close()
