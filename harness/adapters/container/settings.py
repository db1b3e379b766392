"""What can be said behind `--runtime=container,`: which engine, which base, what network, how much memory and CPU."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import UsageError

MIB = 1 << 20

BRIDGE, HOST = "bridge", "host"

SCRATCH = "scratch"

ONLINE = "online"
ONLINE_BASE = "node:24.19.0-bookworm-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df"
"""The official image with the Node that the `node` adapter runs, for all the architectures it is made for."""

DEFAULT_MEMORY_MB = 128
"""What an isolate is promised."""

LEAST_MEMORY_MB, MOST_MEMORY_MB = 32, 1 << 20

_DIGEST = re.compile(r"(?:\S+@)?sha256:[0-9a-f]{64}")
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`engine`: None to look for one. `memory_bytes` and `cpus`: None for no limit of its own."""

    engine: str | None
    base: str
    network: str
    memory_bytes: int | None
    cpus: float | None

    @property
    def on_host_network(self) -> bool:
        return self.network == HOST

    def in_words(self) -> str:
        """For the report: how a container is reached, and within which limits it runs."""
        network = (
            "this machine's own network"
            if self.on_host_network
            else f"network {self.network!r}, one port published on 127.0.0.1"
        )
        memory = (
            "no memory limit but the suite's guard"
            if self.memory_bytes is None
            else f"{self.memory_bytes // MIB} MiB, no swap"
        )
        cpus = "no CPU limit" if self.cpus is None else f"{self.cpus:g} CPUs"
        return f"one container per Worker; {network}; {memory}; {cpus}"

    def require_within(self, guard_bytes: int) -> None:
        """Raises `UsageError` for a memory limit above the suite's guard, which would hold in its place."""
        if self.memory_bytes is not None and self.memory_bytes > guard_bytes:
            raise UsageError(
                f"container: memory_mb={self.memory_bytes // MIB} is more than the suite lets a runtime take",
                expected=f"at most {guard_bytes // MIB}, or none for just that",
            )


def settings(
    engine: str | None, base: str | None, network: str | None, memory_mb: str | None, cpus: str | None
) -> Settings:
    """From the words of the command line. Raises `UsageError`."""
    return Settings(
        engine=engine,
        base=_base(base),
        network=_network(network),
        memory_bytes=_memory_bytes(memory_mb),
        cpus=_cpus(cpus),
    )


def _base(text: str | None) -> str:
    if text is None or text == SCRATCH:
        return SCRATCH
    if text == ONLINE:
        return ONLINE_BASE
    if not _DIGEST.fullmatch(text):
        raise UsageError(
            f"container: base={text} does not say which image it is: a tag may be another image tomorrow",
            expected="online, NAME@sha256:DIGEST, or the sha256: id of a local image",
            remedy="`docker pull NAME` prints the digest; without base= the image is made from this machine's Node",
        )
    return text


def _network(text: str | None) -> str:
    if text is None:
        return BRIDGE
    if text == "none" or not _NETWORK.fullmatch(text):
        raise UsageError(
            f"container: network={text} is no network on which a container can be asked anything",
            expected="bridge, host, or the name of a network of the engine",
        )
    return text


def _memory_bytes(text: str | None) -> int | None:
    if text is None:
        return DEFAULT_MEMORY_MB * MIB
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit() or not LEAST_MEMORY_MB <= int(text) <= MOST_MEMORY_MB:
        raise UsageError(
            f"container: memory_mb={text} is no memory limit",
            expected=f"MiB, {LEAST_MEMORY_MB} to {MOST_MEMORY_MB}, or none",
        )
    return int(text) * MIB


def _cpus(text: str | None) -> float | None:
    if text is None or text == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.01 <= value <= 1024:
        raise UsageError(f"container: cpus={text} is no number of CPUs", expected="0.01 to 1024, or none")
    return value
