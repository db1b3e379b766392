"""Starting a runtime, or one process of the baseline, and timing its first answer: the floor of any container.

Here, in the orchestrator, because starting processes from one that Locust has patched is another thing to measure.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.application import Application
from harness.errors import IsomarkError, NotObservable
from harness.runtime import PLAIN, Conditions, Runtime, StartPhases
from loadgen.connection import Connection, Failed, Gone, get
from loadgen.messages import ProcessStarted

PHASES = {
    "created": "create",
    "started": "start",
    "process up": "boot",
    "listening": "listen",
}
"""What ends at each instant that a runtime may tell; the last phase, `FIRST_BYTE`, ends with the whole answer."""

FIRST_BYTE = "first byte"


@dataclass(frozen=True, kw_only=True)
class Started:
    """`elapsed_ns`: from the call to `launch` to the last byte of the answer. An answer that never comes has status 0.

    `phases_ns`: lengths by name, in their order, which add up to `elapsed_ns`; empty where the runtime does not tell.
    """

    elapsed_ns: int
    status: int
    body: bytes
    phases_ns: Mapping[str, int] = field(default_factory=dict)


def start_once(baseline: Runtime, hello: Application) -> ProcessStarted:
    """Launch, ask once, end it. Raises what `launch` raises."""
    started = timed_start(baseline, hello, PLAIN)
    return ProcessStarted(
        elapsed_ns=started.elapsed_ns, status=started.status, body=started.body.decode("utf-8", "replace")
    )


def timed_start(runtime: Runtime, hello: Application, conditions: Conditions) -> Started:
    """The same, with the phases where the runtime tells them. Raises what `launch` raises."""
    begun_ns = time.monotonic_ns()
    with runtime.launch(hello, conditions) as instance:
        port = port_of(instance.url(hello.workers[0].name))
        connection = Connection(port)
        try:
            exchange = connection.exchange(get(port, "/"))
        except (Failed, Gone):
            return Started(elapsed_ns=0, status=0, body=b"")
        finally:
            answered_ns = time.monotonic_ns()
            connection.close()
        elapsed_ns = answered_ns - begun_ns
        try:
            instants_ns = instance.instrument(StartPhases).phases_ns()
        except NotObservable:
            instants_ns = {}
        return Started(
            elapsed_ns=elapsed_ns,
            status=exchange.status,
            body=exchange.body,
            phases_ns=lengths_ns(instants_ns, elapsed_ns),
        )


def lengths_ns(instants_ns: Mapping[str, int], elapsed_ns: int) -> dict[str, int]:
    """The length of each phase, from the instants at which they end; what no instant ends is part of the next one."""
    found, before = {}, 0
    known = [(PHASES[name], at_ns) for name, at_ns in instants_ns.items() if name in PHASES]
    for phase, at_ns in [*known, (FIRST_BYTE, elapsed_ns)] if known else []:
        found[phase], before = at_ns - before, at_ns
    return found


def port_of(url: str) -> int:
    """The port of `http://127.0.0.1:port`. Raises `IsomarkError` for any other address: load never leaves loopback."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != "127.0.0.1" or parts.port is None:
        raise IsomarkError(f"the load generator does not send to {url}", expected="http://127.0.0.1:port")
    return parts.port
