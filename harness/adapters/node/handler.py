"""What the node and the container adapter share: the host script, the settings it is given, and the words it says.

Both run the same files on the same Node, so that all that differs between the two is the container.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import TypeAlias

import msgspec

from harness.application import Worker
from harness.errors import ScriptError, StartError
from harness.runtime import Conditions, Ledger, Outcome, StartPhases

SOURCES = tuple(Path(__file__).with_name(name) for name in ("host.mjs", "accounts.mjs", "relay.mjs"))
"""The first is the script that Node is started with."""


class Listening(msgspec.Struct, frozen=True, tag_field="event", tag="listen", rename="camel", kw_only=True):
    """It serves. `network` names the network namespace it is in; `accounts` the file its CPU time is read from.

    Instants are nanoseconds of CLOCK_MONOTONIC: when the process began, when its script did, when it listened.
    """

    port: int
    node: str
    network: str
    accounts: str
    started_ns: int
    up_ns: int
    listening_ns: int


class Refused(msgspec.Struct, frozen=True, tag_field="event", tag="refused", kw_only=True):
    """The Worker's module does not run, or exports no handler."""

    error: str


class Begun(msgspec.Struct, frozen=True, tag_field="event", tag="begun", rename="camel", kw_only=True):
    """A request came. `cpu_ns`: what the container had used by then."""

    number: int
    began_ns: int
    cpu_ns: int


class Ended(msgspec.Struct, frozen=True, tag_field="event", tag="ended", rename="camel", kw_only=True):
    """A request is over. `cpu_ns`: what the container used meanwhile; None when another request was inside too."""

    number: int
    outcome: Outcome
    wall_ns: int
    cpu_ns: int | None


Said: TypeAlias = Listening | Refused | Begun | Ended
_decoder = msgspec.json.Decoder(Said)


def sha256_of(contents: Mapping[str, bytes]) -> str:
    """Hex digest of a handler's files, by name."""
    whole = hashlib.sha256()
    for name, content in sorted(contents.items()):
        whole.update(f"{name} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


@cache
def sources_sha256() -> str:
    """Of the files here."""
    return sha256_of({path.name: path.read_bytes() for path in SOURCES})


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and how the host script runs. `folder`: where it finds its Worker's folder; port 0: any free one.

    `accounts`: whether it can keep some. `relay`: the suite's unix socket in the folder through which it reaches the
    stand-ins for the internet, None where it reaches them itself.
    """

    folder: PurePath
    host: str
    port: int
    accounts: bool = False
    relay: str | None = None


def write(worker: Worker, folder: Path, conditions: Conditions, place: Place) -> None:
    """Write the modules and `settings.json` for a process there. `folder` is the Worker's, as it is seen here."""
    for name, content in worker.modules.items():
        path = folder / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    outbound = conditions.outbound
    settings: dict[str, object] = {
        "main": str(place.folder / "modules" / worker.main),
        "env": dict(worker.vars),
        "gateway": outbound.gateway,
        "host": place.host,
        "port": place.port,
        "accounts": place.accounts and Ledger in conditions.instruments,
    }
    if place.relay is not None:
        socket = str(place.folder / place.relay)
        settings["relay"] = {"socket": socket, "addresses": outbound.public, "gateway": outbound.gateway}
    (folder / "settings.json").write_bytes(msgspec.json.encode(settings))


def said(line: str | bytes) -> Said:
    """One line of the host script. Raises `StartError` for one that is not its own."""
    try:
        word: Said = _decoder.decode(line)
    except msgspec.DecodeError as error:
        raise StartError(f"the Node host said {line[:200]!r}: {error}", expected="a line of host.mjs") from error
    return word


def listening(first: Said, worker: str, log_tail: str) -> Listening:
    """What must be the script's first word. Raises `ScriptError` with why the Worker's module does not run."""
    if isinstance(first, Refused):
        raise ScriptError(
            f"Worker {worker!r} does not start: {first.error}",
            expected="a module that parses and runs",
            log_tail=log_tail,
        )
    if not isinstance(first, Listening):
        raise StartError(f"the Node host of Worker {worker!r} said {first!r} first", expected="that it listens")
    return first


class Phases(StartPhases):
    """When one process came how far, since `begun_ns`. `before`: instants that the suite saw itself, in their order."""

    def __init__(self, begun_ns: int, listening: Listening, before: Mapping[str, int] | None = None) -> None:
        instants = {
            **(before or {}),
            "started": listening.started_ns,
            "process up": listening.up_ns,
            "listening": listening.listening_ns,
        }
        self._phases_ns = {name: at_ns - begun_ns for name, at_ns in instants.items()}

    def phases_ns(self) -> Mapping[str, int]:
        return dict(self._phases_ns)
