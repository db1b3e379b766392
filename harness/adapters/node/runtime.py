"""The node adapter: one Node process per Worker, the same handler, nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from harness import toolchain
from harness.application import Application, Worker
from harness.errors import ScriptError, UnsupportedFeature, UsageError
from harness.features import ConformanceClass, Feature
from harness.http_front import HttpFront, ProcessIds
from harness.process import Supervised, instance_folder
from harness.runtime import PLAIN, Conditions, Instance, Processes, require_features
from harness.topology import ONE_LOCATION

HOST_SCRIPT = Path(__file__).with_name("host.mjs")


class NodeRuntime:
    """`--runtime=node`. Setting: `binary`, the path of another Node."""

    name = "node"

    def __init__(self, binary: str | None = None) -> None:
        if binary is not None and not Path(binary).is_file():
            raise UsageError(f"node: binary={binary} is not a file", expected="the path of a Node binary")
        self._chosen = Path(binary).resolve() if binary else None

    def binary(self) -> Path:
        return self._chosen or toolchain.node()

    def version(self) -> str:
        return toolchain.version_of(self.binary()).removeprefix("v")

    def identity(self) -> Mapping[str, str]:
        return {
            "binary_sha256": toolchain.sha256_of(self.binary()),
            "configuration": "one process per Worker; no flags; no limits",
        }

    def features(self) -> frozenset[Feature]:
        return frozenset({Feature.VARS, Feature.OUTBOUND_GATEWAY})

    def classes(self) -> frozenset[ConformanceClass]:
        return frozenset({ConformanceClass.CORE})

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        require_features(self, application, conditions)
        if conditions.topology != ONE_LOCATION:
            raise UnsupportedFeature("node runs in one location", expected="a topology of one location")
        with instance_folder() as folder, contextlib.ExitStack() as stack:
            processes: dict[str, Supervised] = {}
            urls: dict[str, str] = {}
            for worker in application.workers:
                process, port = stack.enter_context(_serving(self.binary(), worker, folder / worker.name, conditions))
                processes[worker.name] = process
                urls[worker.name] = f"http://127.0.0.1:{port}"
            instance = _NodeInstance(processes, urls)
            stack.callback(instance.close)
            yield instance


class _NodeInstance(HttpFront):
    def __init__(self, processes: Mapping[str, Supervised], urls: Mapping[str, str]) -> None:
        super().__init__(urls, processes.__getitem__, {Processes: ProcessIds(*processes.values())})
        self._processes = processes

    def redeploy(self, worker: Worker) -> None:
        raise UnsupportedFeature(
            "node does not support redeploying one Worker", expected=f"a new launch for {worker.name!r}"
        )

    def alive(self) -> bool:
        return all(process.alive() for process in self._processes.values())

    def log_tail(self) -> str:
        return "\n".join(process.log_tail() for process in self._processes.values())


@contextlib.contextmanager
def _serving(binary: Path, worker: Worker, folder: Path, conditions: Conditions) -> Iterator[tuple[Supervised, int]]:
    """A process that listens, and its port."""
    for name, content in worker.modules.items():
        path = folder / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    settings = folder / "settings.json"
    settings.write_bytes(
        msgspec.json.encode(
            {
                "main": str(folder / "modules" / worker.main),
                "env": dict(worker.vars),
                "gateway": conditions.outbound.gateway,
            }
        )
    )
    with contextlib.ExitStack() as stack:
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        try:
            process = Supervised(
                f"node ({worker.name})",
                [binary, HOST_SCRIPT, settings, str(writing)],
                log=folder / "log",
                memory_guard_bytes=conditions.memory_guard_bytes,
                pass_fds=[writing],
                folder=folder,
            )
        finally:
            os.close(writing)
        stack.enter_context(process)
        messages: list[dict[str, object]] = []
        process.await_ready(reading, lambda line: _take(line, messages))
        if messages[0]["event"] == "refused":
            raise ScriptError(
                f"Worker {worker.name!r} does not start: {messages[0]['error']}",
                expected="a module that parses and runs",
                log_tail=process.log_tail(),
            )
        yield process, int(str(messages[0]["port"]))


def _take(line: str, messages: list[dict[str, object]]) -> bool:
    messages.append(msgspec.json.decode(line, type=dict[str, object]))
    return True
