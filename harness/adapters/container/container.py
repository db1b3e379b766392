"""One Worker's container while it is there: coming up, serving, gone."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker

from harness import toolchain
from harness.adapters.container import ending, image
from harness.adapters.container.ending import Ending
from harness.adapters.container.engine import Engine
from harness.adapters.container.ledger import Account, ContainerLedger
from harness.adapters.container.making import LIFELINE, PORT, Order, created
from harness.adapters.container.sockets import listening_on
from harness.adapters.container.watch import Death, Watch
from harness.adapters.node import handler
from harness.adapters.node.handler import Begun, Ended, Listening, Said
from harness.errors import ConfigurationError, EngineError, NotReadyError, RuntimeDied, StartError
from harness.process import LOG_TAIL_LINES

READY_DEADLINE_S = 60.0
"""Safety deadline for a container to come up; it takes a fraction of a second."""

LAST_WORDS_S = 10.0
"""Safety deadline for the rest of the output of a container that ended; it is there within milliseconds."""


class Container:
    """It serves a Worker, as far as `HttpFront` asks. `port` is on this machine's loopback.

    `peer_url`: where its neighbours find it, None where that is the same. `created_ns`: when the engine had made it.
    """

    port = 0
    peer_url: str | None = None

    def __init__(self, engine: Engine, worker: str, container_id: str, account: Account | None) -> None:
        self.created_ns = time.monotonic_ns()
        self.id = container_id
        self.what = f"the container of Worker {worker!r}"
        self._engine = engine
        self._worker = worker
        self._account = account
        self._words: list[Said] = []
        self._since_s = int(time.time()) - 1
        self._ending: Ending | None = None
        self._watch: Watch | None = None

    @property
    def watch(self) -> Watch:
        assert self._watch is not None
        return self._watch

    def watched(self, listener: socket.socket, output: socket.socket) -> Watch:
        """Begin to listen to it, before it is started."""
        self._watch = Watch(listener, output, self._take, self._died)
        return self._watch

    def await_listening(self) -> Listening:
        """Its first word. Raises `ScriptError` for a module that does not run, else what kept it from coming up."""
        watch = self.watch
        come = watch.await_change(
            lambda: bool(self._words or watch.wrong or watch.death or watch.silent), READY_DEADLINE_S
        )
        if self._words:
            return handler.listening(self._words[0], self._worker, self.log_tail())
        if watch.wrong is not None:
            raise watch.wrong
        if not come:
            raise NotReadyError(
                f"{self.what} runs but did not say it was ready within {READY_DEADLINE_S:g} s",
                expected="a word on the unix socket it is given, which needs an engine on this machine itself",
                log_tail=self.log_tail(),
            )
        if watch.death is None and not self._engine.answers():
            raise _engine_gone(self._engine)
        raise StartError(
            f"{self.what} {self.ending().in_words()} before it was ready",
            expected="a container that stays up",
            log_tail=self.log_tail(),
        )

    def ended_within(self, seconds: float) -> bool:
        """Its own end; and the engine's, with which the way to it is gone."""
        watch = self.watch
        return watch.await_change(lambda: watch.death is not None, seconds) or not self._engine.answers()

    def alive(self) -> bool:
        return self.watch.death is None

    def died(self) -> RuntimeDied:
        if self.alive():
            gone = _engine_gone(self._engine)
            return RuntimeDied(gone.happened, expected=gone.expected, log_tail=self.log_tail())
        return RuntimeDied(f"{self.what} was serving and then {self.ending().in_words()}", log_tail=self.log_tail())

    def ending(self) -> Ending:
        """How it ended, once it has."""
        if self._ending is None:
            self.watch.await_change(lambda: self.watch.silent, LAST_WORDS_S)
            self._ending = ending.ending(
                self._engine, self.id, self._since_s, self.watch.death, self.watch.log_tail(LOG_TAIL_LINES * 4)
            )
        return self._ending

    def log_tail(self) -> str:
        return self.watch.log_tail(LOG_TAIL_LINES)

    def _take(self, word: Said) -> None:
        if not isinstance(word, Begun | Ended):
            self._words.append(word)
        elif self._account is not None:
            self._account.take(word)

    def _died(self, death: Death) -> None:
        if self._account is not None:
            self._account.died(death, lambda: self.ending().outcome())


@contextlib.contextmanager
def serving(
    engine: Engine, client: docker.APIClient, order: Order, ledger: ContainerLedger | None
) -> Iterator[tuple[Container, Listening]]:
    """A container that listens, and what it said; removed afterwards. `order.folder` holds what it is to serve.

    Raises `ScriptError`, `StartError` or `NotReadyError` when it does not come up, `EngineError` when the engine does
    not do its part, and `ConfigurationError` when it is not the same Node or handler as the floor's.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening_on(order.folder / LIFELINE))
        made = stack.enter_context(created(engine, client, order))
        account = Account(ledger, order.worker, made.id[:12]) if ledger is not None else None
        container = Container(engine, order.worker, made.id, account)
        image.require_same_handler(engine, client, made.id, order.image)
        output = stack.enter_context(_output(engine, client, made.id))
        stack.callback(container.watched(listener, output).close)
        with engine.asked("does not start a container"):
            client.start(made.id)
        listening = container.await_listening()
        _require_same_node(listening)
        if order.settings.on_host_network:
            container.port = listening.port
            _require_this_network(engine, listening)
        else:
            with engine.asked("does not say where a container's port is"):
                network = client.inspect_container(made.id)["NetworkSettings"]
            container.port = _published(engine, network)
            container.peer_url = f"http://{_address(network)}:{PORT}"
        yield container, listening
        made.remove()  # before it is let go: it would end by itself then, and an engine may stumble over both


@contextlib.contextmanager
def _output(engine: Engine, client: docker.APIClient, container_id: str) -> Iterator[socket.socket]:
    """What it prints, from its first character on: attached before it is started, as `docker run` does."""
    with engine.asked("does not attach to a container"):
        attached = client.attach_socket(container_id, params={"stdout": 1, "stderr": 1, "stream": 1})
    try:
        yield attached._sock
    finally:
        attached._response.close()


def _require_same_node(listening: Listening) -> None:
    """Raises `ConfigurationError` when it is not the floor's."""
    floor = toolchain.version_of(toolchain.node())
    if listening.node != floor:
        raise ConfigurationError(
            f"the container's Node is {listening.node}, the node adapter's is {floor}: the two cannot be compared",
            expected=f"a base with Node {floor}",
            remedy="give such a base with base=NAME@sha256:..., or none: the image then has the node adapter's own",
        )


def _require_this_network(engine: Engine, listening: Listening) -> None:
    if listening.network != str(Path("/proc/self/ns/net").readlink()):
        raise _elsewhere(engine)


def _published(engine: Engine, network: dict[str, Any]) -> int:
    """The port on this machine's loopback. Whether somebody listens there is seen from here, once."""
    ports = (network.get("Ports") or {}).get(f"{PORT}/tcp") or []
    if not ports:
        raise EngineError(f"{engine.name} published no port of a container", expected="one on 127.0.0.1")
    port = int(ports[0]["HostPort"])
    try:
        socket.create_connection(("127.0.0.1", port), timeout=READY_DEADLINE_S).close()
    except OSError as error:
        raise _elsewhere(engine) from error
    return port


def _address(network: dict[str, Any]) -> str:
    networks = network.get("Networks") or {}
    return str(next((each["IPAddress"] for each in networks.values() if each.get("IPAddress")), ""))


def _elsewhere(engine: Engine) -> EngineError:
    return EngineError(
        f"{engine.name} is in another network namespace than this suite: its containers' ports are not on 127.0.0.1",
        expected="an engine and a suite on the same network",
        remedy="run both in the same place; `docker/start-engine COMMAND` starts an engine that is",
    )


def _engine_gone(engine: Engine) -> EngineError:
    return EngineError(
        f"{engine.name} ended, and with it the way to its containers",
        expected="an engine that stays up while containers are in use",
    )
