"""Starting one process of the baseline and timing its first answer: the floor of any container.

Here, in the orchestrator, because starting processes from one that Locust has patched is another thing to measure.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from harness.application import Application
from harness.errors import IsomarkError
from harness.runtime import Conditions, Runtime
from loadgen.connection import Connection, Failed, Gone, get
from loadgen.messages import ProcessStarted


def start_once(baseline: Runtime, hello: Application) -> ProcessStarted:
    """Launch, ask once, end it. The time is from the call to `launch` to the last byte of the answer.

    An answer that never comes whole has status 0. Raises what `launch` raises.
    """
    begun_ns = time.monotonic_ns()
    with baseline.launch(hello, Conditions()) as instance:
        port = port_of(instance.url(hello.workers[0].name))
        connection = Connection(port)
        try:
            exchange = connection.exchange(get(port, "/"))
        except (Failed, Gone):
            return ProcessStarted(elapsed_ns=0, status=0, body="")
        finally:
            answered_ns = time.monotonic_ns()
            connection.close()
        return ProcessStarted(
            elapsed_ns=answered_ns - begun_ns, status=exchange.status, body=exchange.body.decode("utf-8", "replace")
        )


def port_of(url: str) -> int:
    """The port of `http://127.0.0.1:port`. Raises `IsomarkError` for any other address: load never leaves loopback."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != "127.0.0.1" or parts.port is None:
        raise IsomarkError(f"the load generator does not send to {url}", expected="http://127.0.0.1:port")
    return parts.port
