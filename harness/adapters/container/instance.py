"""An application in containers that serves, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.adapters.container.container import Container
from harness.adapters.container.ledger import ContainerLedger
from harness.adapters.node.handler import Listening, Phases
from harness.application import Worker
from harness.errors import UnsupportedFeature, UsageError, did_you_mean
from harness.http_front import HttpFront
from harness.runtime import Ledger, Peers, Processes, StartPhases


class ContainerInstance(HttpFront):
    """`served`: each Worker's container and what it said; the phases of the launch are those of the first."""

    def __init__(
        self, served: Mapping[str, tuple[Container, Listening]], ledger: ContainerLedger | None, begun_ns: int
    ) -> None:
        self._containers = {name: container for name, (container, _) in served.items()}
        front, said = next(iter(served.values()))
        instruments: dict[type, object] = {
            Processes: _ContainerProcesses(self._containers.values()),
            StartPhases: Phases(begun_ns, said, {"created": front.created_ns}),
        }
        if ledger is not None and all(listening.accounts for _, listening in served.values()):
            ledger.settle = [container.watch.settle for container in self._containers.values()]
            instruments[Ledger] = ledger
        peers = {name: each.peer_url for name, each in self._containers.items() if each.peer_url is not None}
        if peers:
            instruments[Peers] = _ContainerPeers(peers)
        urls = {name: f"http://127.0.0.1:{container.port}" for name, container in self._containers.items()}
        super().__init__(urls, self._containers.__getitem__, instruments)

    def redeploy(self, worker: Worker) -> None:
        raise UnsupportedFeature(
            "container does not support redeploying one Worker", expected=f"a new launch for {worker.name!r}"
        )

    def alive(self) -> bool:
        return all(container.alive() for container in self._containers.values())

    def log_tail(self) -> str:
        return "\n".join(filter(None, (container.log_tail() for container in self._containers.values())))


class _ContainerProcesses(Processes):
    def __init__(self, containers: Iterable[Container]) -> None:
        self._containers = tuple(containers)

    def pids(self) -> tuple[int, ...]:
        return tuple(pid for container in self._containers for pid in container.watch.pids())


class _ContainerPeers(Peers):
    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)

    def url(self, worker: str) -> str:
        if worker not in self._urls:
            raise UsageError(
                f"the application has no Worker named {worker!r}", expected=did_you_mean(worker, self._urls)
            )
        return self._urls[worker]
