"""Stand-ins for what the load generator meets: a server that lies as it is told to, and runtimes that come to grief."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.adapters.node import NodeRuntime
from harness.adapters.workerd import WorkerdRuntime
from harness.application import Application
from harness.runtime import Conditions, Instance, Processes

Answer = tuple[int, str]
Respond = Callable[[str, Mapping[str, str]], Answer]


@contextlib.contextmanager
def serving(respond: Respond) -> Iterator[int]:
    """A server on loopback that answers each GET with what `respond(path, headers)` says; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = respond(self.path, dict(self.headers.items()))
            content = body.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def proof(nonce: str, served: int) -> str:
    """The hello Worker's answer."""
    return json.dumps({"hello": "isomark", "nonce": nonce, "served": served})


DEFAULTS = Conditions()

_RUNNING: list[Instance] = []


class RememberedWorkerd(WorkerdRuntime):
    """workerd, whose running instances can be found by a baseline that means them ill."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = DEFAULTS) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            _RUNNING.append(instance)
            try:
                yield instance
            finally:
                _RUNNING.remove(instance)


class _Eventful(NodeRuntime, ABC):
    """Node, to which something happens in the middle of the second launch: at its second cold start."""

    STARTS_PER_LAUNCH = 3  # of the quick profile: one to warm up, two that count

    def __init__(self) -> None:
        super().__init__()
        self._starts = 0

    @abstractmethod
    def happen(self) -> None: ...

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = DEFAULTS) -> Iterator[Instance]:
        if len(application.workers) == 1:
            self._starts += 1
            if self._starts == self.STARTS_PER_LAUNCH + 2:
                self.happen()
        with super().launch(application, conditions) as instance:
            yield instance


class KillsTheRuntime(_Eventful):
    def happen(self) -> None:
        for instance in _RUNNING:
            for pid in instance.instrument(Processes).pids():
                os.kill(pid, signal.SIGKILL)


class Interrupts(_Eventful):
    """Ctrl-C."""

    def happen(self) -> None:
        signal.raise_signal(signal.SIGINT)


class KillsTheOrchestrator(_Eventful):
    def happen(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def processes_below(folder: Path) -> list[int]:
    """Ids of the processes that work in a folder below this one, removed or not."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink().is_relative_to(folder):
                    found.append(int(entry.name))
    return found
