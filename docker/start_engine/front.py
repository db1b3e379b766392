"""The command line of `docker/start-engine`."""

import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from start_engine import janitor

NO_ENGINE = 33
"""The exit code of isomark's EngineError."""

PROGRAMS = ("dockerd", "containerd", "runc", "unshare")

ABOUT = """Starts a Docker engine of its own: another socket, data folder, bridge and control group than any engine
that may be there, and no rule in the firewall. With COMMAND: runs it with DOCKER_HOST and ISOMARK_ENGINE set, and
ends the engine with it. Without: prints the socket and keeps the engine until this script ends. Whatever ends this
script, SIGKILL included, the engine goes with everything it has."""


def main(words: list[str]) -> int:
    """Exit code: the command's, or 33 when no engine can be started."""
    parser = argparse.ArgumentParser(prog="start-engine", description=ABOUT)
    parser.add_argument("--while-locked", type=Path, metavar="FILE", help="end once nobody holds a lock on FILE")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    arguments = parser.parse_args(words)
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    missing = _missing()
    if missing:
        return _failed(missing)
    _on_signals(_stop)
    keeper, said, until = janitor.start()
    code = NO_ENGINE
    try:
        with os.fdopen(said, "rb") as stream:
            answer = json.loads(stream.readline() or b'{"error": "it ended without a word"}')
            if "error" in answer:
                return _failed(answer["error"])
            code = _serve(answer["socket"], command, arguments.while_locked, stream.fileno())
    except _Stopped as stopped:
        code = 128 + stopped.number
    finally:
        _on_signals(signal.SIG_IGN)
        os.close(until)
        os.waitpid(keeper, 0)
    return code


class _Stopped(BaseException):
    def __init__(self, number: int) -> None:
        self.number = number


def _missing() -> str:
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    os.environ["PATH"] = places
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"there is no {absent[0]}: on Debian, `apt-get install --no-install-recommends docker.io` brings it"
    return "" if os.geteuid() == 0 else "starting an engine needs root"


def _serve(socket: str, command: list[str], locked: Path | None, engine: int) -> int:
    url = f"unix://{socket}"
    if command:
        return _run(command, {"DOCKER_HOST": url, "ISOMARK_ENGINE": url})
    print(url, flush=True)
    if locked is not None:
        _interrupt_when_free(locked)
    os.read(engine, 1)  # nothing more is said: this returns when the engine is gone, or a signal comes
    return 1


def _run(command: list[str], more: dict[str, str]) -> int:
    """A request to end is for the command; the engine follows when it has ended."""
    early: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None = None) -> None:
        if process is None:
            early.append(number)
        elif number != signal.SIGINT:  # the terminal sends Ctrl-C to the command too
            process.send_signal(number)

    _on_signals(pass_on)
    process = subprocess.Popen(command, env={**os.environ, **more})
    for number in early:
        pass_on(number)
    return _code(process.wait())


def _code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


def _interrupt_when_free(path: Path) -> None:
    """Ask this process to stop once the last shared lock on `path` is gone."""

    def wait() -> None:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait()  # keep the lock: who comes now must see that the engine is going

    threading.Thread(target=wait, daemon=True).start()


def _stop(number: int, _frame: FrameType | None) -> None:
    raise _Stopped(number)


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _failed(why: str) -> int:
    print(f"start-engine: no container engine: {why}", file=sys.stderr)
    return NO_ENGINE
