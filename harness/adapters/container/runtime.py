"""The container adapter: one container per Worker, on the same Node and handler as the node adapter."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness import toolchain
from harness.adapters.container import engine as engines
from harness.adapters.container import image
from harness.adapters.container.container import serving
from harness.adapters.container.engine import Engine
from harness.adapters.container.instance import ContainerInstance
from harness.adapters.container.ledger import ContainerLedger
from harness.adapters.container.making import INSTANCE_IN_CONTAINER, PORT, Order
from harness.adapters.container.owner import remove_abandoned
from harness.adapters.container.relay import relaying
from harness.adapters.container.settings import settings
from harness.adapters.container.sockets import listening_on
from harness.adapters.node import handler
from harness.application import Application, Worker
from harness.errors import UnsupportedFeature
from harness.features import ConformanceClass, Feature
from harness.process import instance_folder
from harness.runtime import PLAIN, Conditions, Instance, Ledger, require_features
from harness.topology import ONE_LOCATION

OWN_LOOPBACK = "127.0.0.1"

RELAY = "relay"
"""The suite's unix socket, in the instance's folder, to the stand-ins for the internet."""


class ContainerRuntime:
    """`--runtime=container`. Settings: `engine`, a socket; `base`, an image's digest; `network`; `memory_mb`; `cpus`.

    See docs/adapters/container.md.
    """

    def __init__(
        self,
        engine: str | None = None,
        base: str | None = None,
        network: str | None = None,
        memory_mb: str | None = None,
        cpus: str | None = None,
    ) -> None:
        self._settings = settings(engine, base, network, memory_mb, cpus)
        # On the machine's own network it reaches other things: another one to judge, with another name.
        self.name = "container-host" if self._settings.on_host_network else "container"

    def engine(self) -> Engine:
        """Raises `EngineError` when there is none."""
        return engines.find(self._settings.engine)

    def version(self) -> str:
        """Node's: a container with another one than the node adapter's is refused when it is launched."""
        self.engine()
        return toolchain.version_of(toolchain.node()).removeprefix("v")

    def identity(self) -> Mapping[str, str]:
        return {
            **self.engine().identity,
            "base": self._settings.base,
            "image_sha256": image.recipe(self._settings.base).content_hash,
            "handler_sha256": handler.sources_sha256(),
            "configuration": self._settings.in_words(),
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
            raise UnsupportedFeature(f"{self.name} runs in one location", expected="a topology of one location")
        self._settings.require_within(conditions.memory_guard_bytes)
        conditions = self._seen_from_inside(conditions)
        engine = self.engine()
        with instance_folder() as folder, engine.client() as client, contextlib.ExitStack() as stack:
            remove_abandoned(engine, client)
            made = image.ensure(engine, client, image.recipe(self._settings.base))
            ledger = ContainerLedger() if Ledger in conditions.instruments else None
            served = {}
            for worker in application.workers:
                place = folder / worker.name
                handler.write(worker, place, conditions, self._place(conditions))
                if self._place(conditions).relay is not None:
                    listener = stack.enter_context(listening_on(place / RELAY))
                    stack.enter_context(relaying(listener, conditions.outbound))
                order = self._order(worker, place, made, conditions)
                served[worker.name] = stack.enter_context(serving(engine, client, order, ledger))
            instance = ContainerInstance(served, ledger, begun_ns)
            stack.callback(instance.close)
            yield instance

    def _seen_from_inside(self, conditions: Conditions) -> Conditions:
        """On a network of its own a container's 127.0.0.1 is itself, not a stand-in: nothing is relayed there."""
        if self._settings.on_host_network:
            return conditions
        public = tuple(address for address in conditions.outbound.public if address != OWN_LOOPBACK)
        return replace(conditions, outbound=replace(conditions.outbound, public=public))

    def _place(self, conditions: Conditions) -> handler.Place:
        """On a network of its own a container reaches what is on this machine's loopback through the suite alone."""
        if self._settings.on_host_network:
            return handler.Place(folder=INSTANCE_IN_CONTAINER, host=OWN_LOOPBACK, port=0, accounts=True)
        played = conditions.outbound.public or conditions.outbound.gateway
        return handler.Place(
            folder=INSTANCE_IN_CONTAINER,
            host="0.0.0.0",  # noqa: S104 - of the container's own network
            port=PORT,
            accounts=True,
            relay=RELAY if played else None,
        )

    def _order(self, worker: Worker, folder: Path, made: str, conditions: Conditions) -> Order:
        return Order(
            image=made,
            worker=worker.name,
            folder=folder,
            settings=self._settings,
            memory_bytes=self._settings.memory_bytes or conditions.memory_guard_bytes,
        )
