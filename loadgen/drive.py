"""The driver process: `python -m loadgen.drive DESCRIPTOR`, started by the orchestrator and by nobody else.

It lives for all launches of a run, because importing Locust takes longer than measuring one of them.
"""

from __future__ import annotations

import gc
import socket
import sys

import locust

from loadgen.messages import Channel, Launch, ProcessStarted, ProcessWanted, Ready
from loadgen.probes import Nonces
from loadgen.users import measure


def main(descriptor: int) -> int:
    """Measure launch after launch, until the orchestrator hangs up."""
    channel = Channel(socket.socket(fileno=descriptor))
    nonces = Nonces()

    def start() -> ProcessStarted:
        channel.send(ProcessWanted())
        started = channel.receive(ProcessStarted)
        if started is None:
            raise SystemExit(0)  # the orchestrator is gone; there is nobody left to tell
        return started  # type: ignore[no-any-return]

    channel.send(Ready(locust=locust.__version__))
    gc.freeze()
    while (launch := channel.receive(Launch)) is not None:
        # A collection inside a timed section would be counted as the runtime's latency.
        gc.disable()
        ending = measure(launch, nonces=nonces, start=start)
        gc.enable()
        gc.collect()
        channel.send(ending)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
