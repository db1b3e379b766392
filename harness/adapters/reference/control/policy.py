"""The numbers of the model, in one place. A fault is a wrong number here, or a wrong method elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.runtime import Plan

MIB = 1 << 20


@dataclass(kw_only=True)
class MemoryPolicy:
    """128 MB per isolate, over everything that is memory of the isolate's.

    The host looks after each turn; `backstop_bytes` is the engine's own limit on heap and buffers, which acts within
    one.
    """

    memory_bytes: int = 128 * MIB
    backstop_bytes: int = 128 * MIB
    count_heap: bool = True
    count_buffers: bool = True
    wasm_weight: int = 1


@dataclass(kw_only=True)
class CpuPolicy:
    """CPU time of one invocation, in milliseconds. `start_ms`: what evaluating a Worker's modules may take."""

    default_ms: dict[Plan, int] = field(default_factory=lambda: {Plan.FREE: 10, Plan.PAID: 30_000})
    highest_ms: int = 300_000
    start_ms: int = 1_000


@dataclass(kw_only=True)
class SubrequestPolicy:
    """Subrequests of one invocation. On the free plan external and internal ones are counted apart."""

    free_external: int = 50
    free_internal: int = 1_000
    paid_total: int = 10_000
    highest: int = 10_000_000


@dataclass(kw_only=True)
class PoolPolicy:
    """When isolates come and go.

    An isolate is at capacity when the turn it runs has used `busy_ms` of CPU, or when `most_requests` are inside.
    `idle_ms`: after so long without a request it is evicted. `wait_until_ms`: how long work may go on behind a
    response.
    """

    busy_ms: int = 5
    most_requests: int = 1_000
    idle_ms: float = 10_000.0
    wait_until_ms: float = 30_000.0


@dataclass(kw_only=True)
class Policy:
    memory: MemoryPolicy = field(default_factory=MemoryPolicy)
    cpu: CpuPolicy = field(default_factory=CpuPolicy)
    subrequests: SubrequestPolicy = field(default_factory=SubrequestPolicy)
    pool: PoolPolicy = field(default_factory=PoolPolicy)
    script_bytes: int = 10 * MIB
    io_ownership: bool = True
    """Whether I/O objects are tied to the request they were made in."""
