"""A benchmark of the generator that takes a second, and tools that are small programs."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator

from loadgen.generator_benchmark import targets, tool_output
from loadgen.generator_benchmark.profiles import QUICK
from loadgen.generator_benchmark.stalls import StallSchedule
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tools import Tool

NEVER = StallSchedule(period_ms=1_000, stall_ms=0)

TINY = dataclasses.replace(
    QUICK,
    rounds=1,
    warm_up_s=0.05,
    window_s=0.6,  # of the second that each tool runs for: no stall of the machine is likely to fill it
    floor_rounds=1,
    floor_s=0.1,
    stall_periods=1,
    stalls=StallSchedule(period_ms=300, stall_ms=60),
    capacity_s=0.1,
    memory_s=0.4,
    connections_s=0.4,
    alone_warm_up_s=0.05,
    connections=4,
    many_connections=8,
)


@contextlib.contextmanager
def python_target(cpu: int) -> Iterator[Target]:
    with targets.scheduled(cpu, NEVER) as target:
        yield target


def script(name: str, program: str) -> Tool:
    """A tool that is a Python program, given the target's URL."""
    return Tool(
        name=name,
        version="1",
        command=lambda load: [sys.executable, "-c", program, load.target.url],
        read=tool_output.json_line,
    )


# A tool as every other: keeps asking for a second, then tells. On its own connection, so that nothing is left open.
ENDLESS = """
import socket, sys, time
port = int(sys.argv[1].rstrip("/").rpartition(":")[2])
with socket.create_connection(("127.0.0.1", port)) as client:
    until, asked = time.monotonic() + 1, 0
    while time.monotonic() < until:
        client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        assert client.recv(4096)
        asked += 1
"""
