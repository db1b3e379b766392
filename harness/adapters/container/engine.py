"""The container engine: finding it, what it says it is, and asking it for things with one kind of error.

Docker and Podman answer the same requests on their sockets; the Docker SDK's low-level client sends them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from harness.adapters.container.client import client_at
from harness.errors import EngineError

REQUEST_DEADLINE_S = 60
"""Safety deadline of one request to the engine, other than a build."""

PING_DEADLINE_S = 30
"""Safety deadline for an engine to say that it is there; one that is not is seen at once."""

CHOOSING = ("ISOMARK_ENGINE", "DOCKER_HOST", "CONTAINER_HOST")
"""Environment variables that name an engine, the first one that is set counts; the last is Podman's own."""

HOW_TO_GET_ONE = (
    "`docker/start-engine COMMAND` runs a command with an engine of its own; docker/README.md says how to get one, "
    "and engine=SOCKET or DOCKER_HOST names one that is somewhere else"
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answered. `rootless`: what is root in a container is the user who runs the engine."""

    socket: Path
    name: str
    version: str
    api_version: str
    rootless: bool
    remaps_users: bool
    identity: Mapping[str, str]

    @contextlib.contextmanager
    def client(self, *, deadline_s: int = REQUEST_DEADLINE_S) -> Iterator[docker.APIClient]:
        """A connection of its own: they are not for several threads."""
        with client_at(self.socket, self.api_version, deadline_s) as client:
            yield client

    @contextlib.contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """What goes wrong inside raises `EngineError` saying that the engine `what`."""
        try:
            yield
        except APIError as error:
            raise EngineError(f"{self.name} {what}: {error.explanation or error}") from error
        except (DockerException, RequestException, OSError) as error:
            raise EngineError(
                f"{self.name} {what}: it does not answer any more ({type(error).__name__})",
                expected="an engine that stays up while containers are in use",
            ) from error

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            with self.client(deadline_s=PING_DEADLINE_S) as client:
                client.ping()
        except (DockerException, RequestException, OSError):
            return False
        return True


_found: dict[Path, Engine] = {}
"""Engines that answered this process once: asking each again before a launch would be part of what is timed."""


def find(chosen: str | None = None) -> Engine:
    """The engine that was chosen: by the setting, else by the environment; else the first at the usual places.

    Raises `EngineError` naming every place that was tried, and why none of them is one.
    """
    tried = []
    for place, name in _places(chosen):
        try:
            return _at(_socket_of(name))
        except _NoEngine as error:
            tried.append(f"{place} ({error})")
    raise EngineError(
        "no container engine: tried " + ", ".join(tried),
        expected="the unix socket of a running Docker or Podman",
        remedy=HOW_TO_GET_ONE,
    )


class _NoEngine(Exception):
    """Why there is none at a place."""


def _places(chosen: str | None) -> list[tuple[str, str]]:
    """(What to call it, socket or URL). One that somebody chose is the only one."""
    if chosen is not None:
        return [(chosen, chosen)]
    for variable in CHOOSING:
        value = os.environ.get(variable)
        if value:
            return [(f"{variable}={value}", value)]
    own = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    usual = (
        *("/var/run/docker.sock", f"{own}/docker.sock"),
        *("/run/podman/podman.sock", f"{own}/podman/podman.sock"),
    )
    return [(place, place) for place in usual]


def _socket_of(name: str) -> Path:
    scheme, separator, rest = name.partition("://")
    if separator and scheme not in {"unix", "http+unix"}:
        raise _NoEngine(f"{scheme} is no unix socket: containers and this suite share folders of this machine")
    return Path(rest if separator else name)


def _at(socket: Path) -> Engine:
    if socket in _found:
        return _found[socket]
    if not socket.exists():
        raise _NoEngine("nothing there")
    if not socket.is_socket():
        raise _NoEngine("not a socket")
    if not os.access(socket, os.W_OK):
        raise _NoEngine("this user may not use it; the group `docker` may, where there is one")
    try:
        with client_at(socket, None, PING_DEADLINE_S) as client:
            engine = _described(socket, client, client.version(), client.info())
    except (DockerException, RequestException, OSError, KeyError, TypeError) as error:
        raise _NoEngine(f"nobody answers there: {type(error).__name__}") from error
    _found[socket] = engine
    return engine


def _described(socket: Path, client: docker.APIClient, version: Mapping[str, Any], info: Mapping[str, Any]) -> Engine:
    if info.get("OSType", "linux") != "linux":
        raise _NoEngine(f"its containers are for {info['OSType']}, not Linux")
    components = [str(each.get("Name", "")) for each in version.get("Components") or ()]
    name = "Podman" if any("Podman" in each for each in components) else "Docker"
    security = [str(each) for each in info.get("SecurityOptions") or ()]
    rootless = any(each.startswith("name=rootless") for each in security)
    return Engine(
        socket=socket,
        name=name,
        version=str(version["Version"]),
        api_version=client.api_version,
        rootless=rootless,
        remaps_users=any(each.startswith("name=userns") for each in security),
        identity={
            "engine": f"{name} {version['Version']}" + (", rootless" if rootless else ""),
            "engine_parts": f"{info.get('DefaultRuntime', '?')}, {info.get('Driver', '?')}, "
            f"cgroup {info.get('CgroupVersion', '1')}",
        },
    )
