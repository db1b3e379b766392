"""A container at the engine: how it is made, how it is named to the reaper, how it is removed."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.types import Mount, Ulimit

from harness import process
from harness.adapters.container.engine import Engine
from harness.adapters.container.image import HANDLER_IN_IMAGE, NODE_IN_IMAGE
from harness.adapters.container.owner import OWNER_LABEL, owner
from harness.adapters.container.settings import Settings
from harness.adapters.node import handler

PORT = 8080
"""On which a container's server listens inside it."""

INSTANCE_IN_CONTAINER = PurePosixPath("/isomark/instance")

LIFELINE = "lifeline"
"""The suite's unix socket, in the instance's folder."""

MOST_PROCESSES = 512
"""In one container: a guard of the machine's, far above what Node and a test need."""

GONE_DEADLINE_S = 20.0
"""Safety deadline for the engine to remove a container, which takes a fraction of a second."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a container is made from and within which limits. `folder` is the Worker's, on this machine."""

    image: str
    worker: str
    folder: Path
    settings: Settings
    memory_bytes: int


class Made:
    """A container that the engine has made. `id` is the engine's name for it, `name` the suite's."""

    def __init__(self, engine: Engine, client: docker.APIClient, name: str) -> None:
        self.id = ""
        self.name = name
        self._engine = engine
        self._client = client
        # By its name: the id is known only once the engine has made it, and this process may be killed before.
        self._removal = f"DELETE /containers/{name}?force=1&v=1 {engine.socket}"
        self._removed = False
        self._refused = False
        process.leave_to_reaper(self._removal, there=False)

    def named(self, container_id: str) -> None:
        """The engine has made it."""
        self.id = container_id
        process.leave_to_reaper(self._removal, there=True)

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """The engine is asked to make it inside. Whether it is about that still, only its answer can tell."""
        try:
            yield
        except APIError:
            self._refused = True
            raise

    def remove(self) -> None:
        """End it, whatever it does. Safe to call again. Raises `EngineError`; then the reaper tries once more."""
        if self._removed:
            return
        with self._engine.asked("does not remove a container"):
            was_there = self._removed_by_engine()
        self._removed = True
        if was_there or self.id or self._refused:
            process.take_from_reaper(self._removal)
        # Else this process was interrupted before the answer: the engine may have it in a moment, or not at all.

    def _removed_by_engine(self) -> bool:
        """Whether there was one by that name."""
        deadline = time.monotonic() + GONE_DEADLINE_S
        while True:
            try:
                self._client.remove_container(self.name, force=True, v=True)
            except NotFound:
                return False
            except APIError:  # it is just ending, or being removed, by itself
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return True


@contextlib.contextmanager
def created(engine: Engine, client: docker.APIClient, order: Order) -> Iterator[Made]:
    """Make one, not started. It is removed afterwards, and by the reaper should this process be killed.

    Raises `EngineError` when the engine does not make it, or not remove it.
    """
    made = Made(engine, client, f"isomark-{os.getpid()}-{secrets.token_hex(6)}")
    try:
        with engine.asked("does not make a container"), made.awaited():
            answer = client.create_container(
                order.image,
                name=made.name,
                entrypoint=[str(NODE_IN_IMAGE)],
                command=[
                    str(HANDLER_IN_IMAGE / handler.SOURCES[0].name),
                    str(INSTANCE_IN_CONTAINER / "settings.json"),
                    str(INSTANCE_IN_CONTAINER / LIFELINE),
                ],
                user=_user(engine),
                labels={OWNER_LABEL: owner(), "isomark.worker": order.worker},
                ports=None if order.settings.on_host_network else [PORT],
                host_config=client.create_host_config(**_host_config(engine, order)),
                stop_signal="SIGKILL",  # who stops it, such as an engine that ends, need not wait for Node to notice
                use_config_proxy=False,
            )
        made.named(str(answer["Id"]))
        yield made
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one that matters
            made.remove()
        raise
    made.remove()


def _host_config(engine: Engine, order: Order) -> dict[str, Any]:
    settings = order.settings
    config: dict[str, Any] = {
        "network_mode": settings.network,
        "port_bindings": None if settings.on_host_network else {PORT: ("127.0.0.1",)},
        "mounts": [Mount(str(INSTANCE_IN_CONTAINER), str(order.folder), type="bind", read_only=True)],
        "mem_limit": order.memory_bytes,
        "memswap_limit": order.memory_bytes,  # the same: else as much again may be swapped out
        "auto_remove": True,
        "pids_limit": MOST_PROCESSES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", "label=disable"],  # a label would keep it from the folder
        "ulimits": [Ulimit(name="core", soft=0, hard=0), *_own_limits()],
        "log_config": {"type": "none"},  # its output is read as it comes
    }
    if settings.cpus is not None:
        config["nano_cpus"] = int(settings.cpus * 1e9)
    if engine.remaps_users:
        config["userns_mode"] = "host"
    return config


def _own_limits() -> Iterator[Ulimit]:
    """This process's, which a plain process of the suite has too; what engines set by themselves differs."""
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        soft, hard = resource.getrlimit(kind)
        yield Ulimit(name=name, soft=soft, hard=hard)


def _user(engine: Engine) -> str:
    """Who may read this process's private folder."""
    return "0:0" if engine.rootless else f"{os.geteuid()}:{os.getegid()}"
