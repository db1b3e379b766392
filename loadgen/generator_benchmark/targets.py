"""The servers that the tools are measured on: each a process of its own on the target's core, and its own witness.

A target says how many requests it has served, so that every tool is counted by the same party.
"""

from __future__ import annotations

import contextlib
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import StartError, ToolchainError, Unanswered
from harness.process import Supervised, instance_folder
from harness.toolchain import CHECKOUT
from loadgen.connection import HOST, Connection, Failed, Gone, get
from loadgen.generator_benchmark.pinning import pinned
from loadgen.generator_benchmark.scheduled_server import BODY
from loadgen.generator_benchmark.stalls import StallSchedule

MEMORY_GUARD_BYTES = 1 << 30
BACKLOG = 4_096
MOST_CONNECTIONS = 8_192

_SERVED = re.compile(rb"requests\s+\d+ \d+ (\d+)")

# Connections are kept for ever, or a tool would be measured reconnecting. The temporary folders are nginx's own idea
# of what it needs to start; nothing is ever written to them.
_NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid nginx.pid;
error_log stderr;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    keepalive_timeout 1d;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {host}:{port} backlog={backlog};
        location = / {{ default_type text/plain; return 200 "{body}"; }}
        location = /count {{ stub_status; }}
    }}
}}
"""


class Target:
    """A server that answers `GET /` with 12 bytes. Made by `nginx` and `scheduled`."""

    def __init__(self, name: str, version: str, port: int, process: Supervised) -> None:
        self.name = name
        self.version = version
        self.port = port
        self.url = f"http://{HOST}:{port}/"
        self._process = process
        self._connection = Connection(port)
        self._asked = 0

    def served(self) -> int:
        """How many requests it has served, these questions not among them.

        Raises `RuntimeDied` when it is gone, and `Unanswered` for an answer that is none.
        """
        self._asked += 1
        found = _SERVED.search(self._exchange("/count"))
        if found is None:
            raise Unanswered(f"{self.name} does not say how many requests it served", expected="stub_status of nginx")
        return int(found[1]) - self._asked

    def require_answer(self) -> None:
        """Raises `StartError` unless it answers as it should."""
        self._asked += 1
        try:
            body = self._exchange("/")
        except Unanswered as error:
            raise StartError(
                f"{self.name} did not start: {error.happened}", log_tail=self._process.log_tail()
            ) from error
        if body != BODY:
            raise StartError(f"{self.name} answers {body[:80]!r}", expected=repr(BODY))

    def close(self) -> None:
        self._connection.close()

    def _exchange(self, path: str) -> bytes:
        try:
            exchange = self._connection.exchange(get(self.port, path))
        except (Gone, Failed) as error:
            if not self._process.alive():
                raise self._process.died() from error
            raise Unanswered(f"{self.name} does not answer: {error}", log_tail=self._process.log_tail()) from error
        return exchange.body


def nginx_program() -> Path:
    """Raises `ToolchainError` when nginx is not installed. It is not on every user's PATH."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/nginx/sbin")
    if found is None:
        raise ToolchainError(
            "nginx, the target of the comparison, is not installed",
            expected="nginx on PATH or in /usr/sbin",
            remedy="install it: apt-get install nginx-light",
        )
    return Path(found)


@contextlib.contextmanager
def nginx(cpu: int) -> Iterator[Target]:
    """nginx with one worker on that core, on a port of the system's choice. Raises `ToolchainError`, `StartError`."""
    program = nginx_program()
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=30).stderr
    files = min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[1] % (1 << 63))
    with instance_folder() as folder, _listening() as listening:
        port = listening.getsockname()[1]
        settings = {"host": HOST, "port": port, "backlog": BACKLOG, "files": files, "connections": files}
        text = _NGINX.format(**settings, body=BODY.decode().replace("\n", "\\n"))
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command: list[str | Path] = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
        # The descriptor in NGINX is how nginx hands its sockets to its successor: it takes ours for inherited.
        environment = {"NGINX": f"{listening.fileno()};"}
        with _running("nginx", said.strip().rpartition("/")[2], command, cpu, listening, folder, environment) as target:
            yield target


@contextlib.contextmanager
def scheduled(cpu: int, schedule: StallSchedule) -> Iterator[Target]:
    """The server that stands still by schedule, on that core."""
    with instance_folder() as folder, _listening() as listening:
        arguments = [listening.fileno(), schedule.period_ms, schedule.stall_ms]
        words = [f"{word:.0f}" for word in arguments]
        command = [sys.executable, "-m", "loadgen.generator_benchmark.scheduled_server", *words]
        environment = {"PYTHONPATH": str(CHECKOUT)}
        name = f"server that stalls {schedule.stall_ms:g} ms every {schedule.period_ms:g} ms"
        with _running(name, "", command, cpu, listening, folder, environment) as target:
            yield target


@contextlib.contextmanager
def _running(
    name: str,
    version: str,
    command: Sequence[str | Path],
    cpu: int,
    listening: socket.socket,
    folder: Path,
    environment: dict[str, str],
) -> Iterator[Target]:
    with pinned(cpu):
        process = Supervised(
            name,
            command,
            log=folder / "log",
            memory_guard_bytes=MEMORY_GUARD_BYTES,
            environment=environment,
            pass_fds=[listening.fileno()],
            folder=folder,
        )
    port = listening.getsockname()[1]
    # Ours must go: with it open, a connection to a server that died would wait for an answer for ever.
    listening.close()
    with process, contextlib.closing(Target(name, version, port, process)) as target:
        target.require_answer()
        yield target


def _listening() -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind((HOST, 0))
    listening.listen(BACKLOG)
    return listening
