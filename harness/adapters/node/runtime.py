"""The node adapter: one Node process per Worker, the same handler, nothing else."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness import toolchain
from harness.adapters.node import handler
from harness.adapters.node.handler import Listening, Phases, Said
from harness.application import Application, Worker
from harness.errors import UnsupportedFeature, UsageError
from harness.features import ConformanceClass, Feature
from harness.http_front import HttpFront, ProcessIds
from harness.process import Supervised, instance_folder
from harness.runtime import PLAIN, Conditions, Instance, Processes, StartPhases, require_features
from harness.topology import ONE_LOCATION


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
            "handler_sha256": handler.sources_sha256(),
            "configuration": "one process per Worker; no flags; no limits",
        }

    def features(self) -> frozenset[Feature]:
        return frozenset({Feature.VARS, Feature.OUTBOUND_GATEWAY})

    def classes(self) -> frozenset[ConformanceClass]:
        return frozenset({ConformanceClass.CORE})

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        begun_ns = time.monotonic_ns()
        require_features(self, application, conditions)
        if conditions.topology != ONE_LOCATION:
            raise UnsupportedFeature("node runs in one location", expected="a topology of one location")
        with instance_folder() as folder, contextlib.ExitStack() as stack:
            served = {
                worker.name: stack.enter_context(_serving(self.binary(), worker, folder / worker.name, conditions))
                for worker in application.workers
            }
            instance = _NodeInstance(served, begun_ns)
            stack.callback(instance.close)
            yield instance


class _NodeInstance(HttpFront):
    """`served`: each Worker's process and what it said; the phases of the launch are those of the first."""

    def __init__(self, served: Mapping[str, tuple[Supervised, Listening]], begun_ns: int) -> None:
        self._processes = {name: process for name, (process, _) in served.items()}
        urls = {name: f"http://127.0.0.1:{said.port}" for name, (_, said) in served.items()}
        front = next(said for _, said in served.values())
        instruments: dict[type, object] = {
            Processes: ProcessIds(*self._processes.values()),
            StartPhases: Phases(begun_ns, front),
        }
        super().__init__(urls, self._processes.__getitem__, instruments)

    def redeploy(self, worker: Worker) -> None:
        raise UnsupportedFeature(
            "node does not support redeploying one Worker", expected=f"a new launch for {worker.name!r}"
        )

    def alive(self) -> bool:
        return all(process.alive() for process in self._processes.values())

    def log_tail(self) -> str:
        return "\n".join(process.log_tail() for process in self._processes.values())


@contextlib.contextmanager
def _serving(
    binary: Path, worker: Worker, folder: Path, conditions: Conditions
) -> Iterator[tuple[Supervised, Listening]]:
    """A process that listens, and what it said."""
    handler.write(worker, folder, conditions, handler.Place(folder=folder, host="127.0.0.1", port=0))
    with contextlib.ExitStack() as stack:
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        try:
            process = Supervised(
                f"node ({worker.name})",
                [binary, handler.SOURCES[0], folder / "settings.json", str(writing)],
                log=folder / "log",
                memory_guard_bytes=conditions.memory_guard_bytes,
                pass_fds=[writing],
                folder=folder,
            )
        finally:
            os.close(writing)
        stack.enter_context(process)
        words: list[Said] = []
        process.await_ready(reading, lambda line: _take(line, words))
        yield process, handler.listening(words[0], worker.name, process.log_tail())


def _take(line: str, words: list[Said]) -> bool:
    words.append(handler.said(line))
    return True
