"""The process between the script and its engine: it outlives the script, whatever ends it, and cleans up after it."""

import json
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from start_engine.bridge import bridge
from start_engine.daemon import EngineFailed, daemon, log_tail

LONGEST_PLACE = 50
"""The name of a unix socket holds 107 characters, and an engine has sockets deep in its folder."""


def start() -> tuple[int, int, int]:
    """Fork it: its process id, a descriptor on which it says one line of JSON, and one to close when it shall end.

    The line is {"socket": path} once the engine is ready, or {"error": why}. The first descriptor is closed when
    everything is gone.
    """
    said_reading, said_writing = os.pipe()
    until_reading, until_writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(said_writing)
        os.close(until_reading)
        return pid, said_reading, until_writing
    code = 1
    try:
        os.close(said_reading)
        os.close(until_writing)
        os.setsid()  # what is sent to the script's group is not for this one
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        code = _keep(said_writing, until_reading)
    finally:
        os._exit(code)


def _keep(said: int, until: int) -> int:
    temporary = Path(tempfile.gettempdir())
    place = temporary if len(str(temporary)) < LONGEST_PLACE else Path("/tmp")  # noqa: S108 - the name is its own
    path = place / f"isomark-engine-{secrets.token_hex(4)}"
    path.mkdir(mode=0o711)
    try:
        with bridge() as name, daemon(path, name) as (process, socket):
            _say(said, {"socket": str(socket)})
            return _until(process, until, path / "log")
    except EngineFailed as error:
        _say(said, {"error": str(error)})
    except OSError as error:
        _say(said, {"error": f"{error}: starting an engine needs root and a kernel with bridges"})
    finally:
        if path.exists():
            subprocess.run(["rm", "-rf", path], check=False)
    return 1


def _until(process: "subprocess.Popen[bytes]", until: int, log: Path) -> int:
    """Wait for the script's end, or the engine's, which is an error."""
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(until, select.POLLIN)
    poll.register(ended, select.POLLIN)
    found = [descriptor for descriptor, _ in poll.poll()]
    os.close(ended)
    if until in found:
        return 0
    print(f"start-engine: dockerd ended; its last words:\n{log_tail(log)}", file=sys.stderr)
    return 1


def _say(said: int, message: dict[str, str]) -> None:
    try:
        os.write(said, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        return
