"""The contract between isomark and a runtime: the one page to read first.

An adapter is a class with the shape of `Runtime`. Its `launch` is a context manager over an `Instance`: the
application serving on loopback. What can be seen of the running application beyond its answers is offered as
*instruments* (`Ledger`, `IsolatesOnDemand`, `IdleEviction`, `Processes`, `StartPhases`, `Peers`); a test asks for the
one it needs with `instance.instrument(Ledger)` and its row is "unsupported (not observable)" when the runtime has none.

Leaving the context leaves nothing behind: no process, port or file, also when the suite itself was killed.
`harness.process` gives an adapter that for free; `harness.testing` is the kit that checks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from harness.application import Application, Worker
from harness.errors import UnsupportedFeature
from harness.features import ConformanceClass, Feature
from harness.topology import ONE_LOCATION, Location, Topology

InstrumentT = TypeVar("InstrumentT")

FETCH_DEADLINE_S = 30.0
"""Safety deadline of one request where a test sets none: far beyond any honest answer, so that a hang ends."""


class Plan(StrEnum):
    """The account's plan, which sets the default limits (10 ms or 30 s of CPU, 50 or 10,000 subrequests)."""

    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True, kw_only=True)
class Outbound:
    """What a Worker's fetch() finds outside the platform. Loopback plays the internet; nothing ever leaves the machine.

    `public`: addresses in 127.0.0.0/8 that count as public hosts; every other loopback address is the platform's own
    and must stay out of reach. `gateway`: `host:port` of a server that answers for every URL whatever its host (no name
    is ever looked up); needs `Feature.OUTBOUND_GATEWAY`.
    """

    public: tuple[str, ...] = ()
    gateway: str | None = None


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under what an application is launched. `redeployable` names the Workers that `Instance.redeploy` may replace.

    `instruments`: which of the costly instruments the caller will read; a runtime may leave the others unarmed, so
    that measuring does not change what a benchmark measures. `cpu_limited`: False asks for no limit of CPU time, so
    that another limit of the same plan can be looked at alone; a runtime that cannot, leaves it on.
    `memory_guard_bytes`: what the whole runtime may take before the machine is in danger; far above every promised
    limit, enforced on the process tree.
    """

    plan: Plan = Plan.PAID
    topology: Topology = ONE_LOCATION
    outbound: Outbound = field(default_factory=Outbound)
    redeployable: frozenset[str] = frozenset()
    instruments: frozenset[type] = frozenset()
    cpu_limited: bool = True
    memory_guard_bytes: int = 4 << 30


PLAIN = Conditions()
"""The paid plan, one location, nothing outside, nothing instrumented."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request to a Worker. `path` begins with a slash and may carry a query."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the client saw. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises `msgspec.DecodeError` when it is not."""
        return msgspec.json.decode(self.body)


class Instance(Protocol):
    """An application that is being served."""

    def url(self, worker: str) -> str:
        """`http://127.0.0.1:port` of that Worker's own front, without a closing slash."""
        ...

    def fetch(
        self,
        worker: str,
        request: Request,
        *,
        user_location: Location | None = None,
        deadline_s: float = FETCH_DEADLINE_S,
    ) -> Response:
        """Send one request. Safe from many threads at once; redirects are not followed.

        Raises `DeadlineExceeded` after `deadline_s`, and `RuntimeDied` when the runtime is gone or hangs up because
        it is going.
        """
        ...

    def redeploy(self, worker: Worker) -> None:
        """Replace the Worker of the same name; returns once the next request would meet the new one.

        Raises `DeployRefused` (a `ScriptError` for JavaScript that cannot run) and leaves the old one serving.
        """
        ...

    def instrument(self, kind: type[InstrumentT]) -> InstrumentT:
        """The instrument of that kind. Raises `NotObservable` when this runtime has none."""
        ...

    def alive(self) -> bool:
        """Whether the runtime's own process is still there."""
        ...

    def log_tail(self) -> str:
        """The last lines the runtime wrote, for the evidence of a row."""
        ...


class Runtime(Protocol):
    """An adapter. Built by the registry as `Adapter(**settings)`, every setting a string from the command line."""

    name: str

    def version(self) -> str:
        """The version under test, as the runtime's own binary states it. Raises `ToolchainError` when it is missing."""
        ...

    def identity(self) -> Mapping[str, str]:
        """What else pins down the thing under test: `binary_sha256`, `configuration`, ... For the report."""
        ...

    def features(self) -> frozenset[Feature]: ...

    def classes(self) -> frozenset[ConformanceClass]:
        """The conformance classes it claims; the overall verdict is taken over these."""
        ...

    def launch(self, application: Application, conditions: Conditions = PLAIN) -> AbstractContextManager[Instance]:
        """Serve the application; entered only once every Worker answers.

        Raises `UnsupportedFeature` for what it does not claim, `DeployRefused` or `ScriptError` when the runtime itself
        refuses, `StartError` or `NotReadyError` when it does not come up.
        """
        ...


class Outcome(StrEnum):
    """How an invocation ended, in the words of workerd's outcome.capnp, which Cloudflare's logs use too."""

    OK = "ok"
    EXCEPTION = "exception"
    EXCEEDED_CPU = "exceededCpu"
    EXCEEDED_MEMORY = "exceededMemory"
    CANCELED = "canceled"
    RESPONSE_STREAM_DISCONNECTED = "responseStreamDisconnected"
    EXCEEDED_WALL_TIME = "exceededWallTime"
    SCRIPT_NOT_FOUND = "scriptNotFound"
    KILL_SWITCH = "killSwitch"
    DAEMON_DOWN = "daemonDown"
    LOAD_SHED = "loadShed"
    INTERNAL_ERROR = "internalError"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One record of the ledger: one event delivered to one Worker.

    `cpu_time_ms` and `wall_time_ms` are Cloudflare's `cpuTime` and `wallTime`. `isolate` is the runtime's own name for
    the isolate, equal only for the same one. `subrequests`, `location` and `billed_ms` (the milliseconds the invocation
    is billed for) are None where the runtime cannot tell.
    """

    worker: str
    event: str
    outcome: Outcome
    cpu_time_ms: float
    wall_time_ms: float
    isolate: str | None = None
    subrequests: int | None = None
    location: str | None = None
    billed_ms: float | None = None

    def as_evidence(self) -> dict[str, object]:
        """The record under Cloudflare's field names, in milliseconds."""
        record = {
            "worker": self.worker,
            "event": self.event,
            "outcome": self.outcome.value,
            "cpuTime": round(self.cpu_time_ms, 3),
            "wallTime": round(self.wall_time_ms, 3),
            "isolate": self.isolate,
            "subrequests": self.subrequests,
            "location": self.location,
            "billedTime": None if self.billed_ms is None else round(self.billed_ms, 3),
        }
        return {key: value for key, value in record.items() if value is not None}


@runtime_checkable
class Ledger(Protocol):
    """The runtime's accounts: a record per finished invocation, in the order they began."""

    def mark(self) -> int:
        """A point in the accounts: now."""
        ...

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        """The invocations of `worker` begun after `mark` and finished, once there are `at_least` that many.

        Raises `DeadlineExceeded` when they do not come.
        """
        ...


@runtime_checkable
class IsolatesOnDemand(Protocol):
    """Cold isolates of one kind, forced one by one."""

    def address(self, worker: str) -> tuple[str, str]:
        """`(url, header)`: a request to `url` whose `header` carries a name is served by the isolate of that name,
        made for it if there is none. A fresh name is a cold isolate in a running process."""
        ...


@runtime_checkable
class IdleEviction(Protocol):
    """A runtime that says when it evicts: named in `Conditions.instruments`, it may make that sooner than usual."""

    def idle_ms(self) -> float:
        """For how long an isolate may be idle before it is evicted, in this launch."""
        ...


@runtime_checkable
class Processes(Protocol):
    """The operating-system side: which processes carry the application."""

    def pids(self) -> tuple[int, ...]:
        """Process ids, without the harness's own."""
        ...


@runtime_checkable
class StartPhases(Protocol):
    """What the time of a launch was spent on."""

    def phases_ns(self) -> Mapping[str, int]:
        """Instants since the launch began, in nanoseconds of CLOCK_MONOTONIC, by name and in their order: of
        `created`, `started`, `process up` and `listening` those that this runtime has."""
        ...


@runtime_checkable
class Peers(Protocol):
    """For a runtime whose Workers do not share this machine's loopback: how one calls another by HTTP."""

    def url(self, worker: str) -> str:
        """`http://host:port` at which the other Workers of the application find this one. Never for a client."""
        ...


def require_features(runtime: Runtime, application: Application, conditions: Conditions) -> None:
    """Refuse, as every adapter must before it starts anything, an application that needs what is not claimed.

    Raises `UnsupportedFeature` naming the feature, the Worker that needs it and the claims there are.
    """
    claimed = runtime.features()
    for feature, needed_by in needed_features(application, conditions):
        if feature not in claimed:
            raise UnsupportedFeature(
                f"runtime {runtime.name!r} does not support {feature.value!r}, which {needed_by} needs",
                expected="an application that needs no more than " + (", ".join(sorted(claimed)) or "plain HTTP"),
            )


def needed_features(application: Application, conditions: Conditions) -> Iterable[tuple[Feature, str]]:
    """Pairs of a feature and what needs it, for one launch."""
    for worker in application.workers:
        for feature in sorted(worker.features()):
            yield feature, f"Worker {worker.name!r}"
    if conditions.redeployable:
        yield Feature.REDEPLOY, "redeploying " + ", ".join(sorted(conditions.redeployable))
    if conditions.outbound.gateway is not None:
        yield Feature.OUTBOUND_GATEWAY, "an outbound gateway"
    if IsolatesOnDemand in conditions.instruments:
        yield Feature.ISOLATES_ON_DEMAND, "making isolates on demand"
