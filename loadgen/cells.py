"""What is timed: each cell's names, the words that explain it, and how a wrong answer would be noticed."""

from __future__ import annotations

from dataclasses import dataclass

_PROOF = "status 200 and a JSON greeting of exactly three fields"
_SUM = "status 200 and the exact sum over all answers of the callee"


@dataclass(frozen=True, kw_only=True)
class CellName:
    """The pair that names a cell in cost.json."""

    scenario: str
    mode: str

    def __str__(self) -> str:
        return f"{self.scenario}/{self.mode}"

    @property
    def stem(self) -> str:
        """For names of files."""
        return f"{self.scenario}-{self.mode}"


@dataclass(frozen=True, kw_only=True)
class CellText:
    """What a reader is told about a cell."""

    title: str
    what: str
    verified: str


ISOLATE_COLD = CellName(scenario="cold-start", mode="isolate")
PROCESS_COLD = CellName(scenario="cold-start", mode="process")
WARM_RUNTIME = CellName(scenario="warm", mode="runtime")
WARM_PROCESS = CellName(scenario="warm", mode="process")

COLD_STARTS = (ISOLATE_COLD, PROCESS_COLD)

FEW_CALLS, MANY_CALLS = 1, 101
"""The two requests of a pair: what they differ by is exactly 100 calls."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to call another Worker. `route` is the caller's; `binding`: whether it needs a service binding."""

    name: str
    route: str
    derived: str
    title: str
    binding: bool
    on_baseline: bool = False

    def cell(self, calls: int) -> CellName:
        return CellName(scenario="calls", mode=f"{self.name}-{calls}")


BINDING_FETCH = Way(
    name="binding-fetch", route="/fetch", derived="binding-fetch-call", title="service binding, fetch", binding=True
)
BINDING_RPC = Way(
    name="binding-rpc", route="/rpc", derived="binding-rpc-call", title="service binding, RPC", binding=True
)
HTTP = Way(name="http", route="/http", derived="loopback-http-call", title="HTTP over loopback", binding=False)
PROCESS_HTTP = Way(
    name="process-http",
    route="/http",
    derived="process-http-call",
    title="HTTP between processes",
    binding=False,
    on_baseline=True,
)
WAYS = (BINDING_FETCH, BINDING_RPC, HTTP, PROCESS_HTTP)


def texts(runtime: str, baseline: str) -> dict[CellName, CellText]:
    """Every cell there can be, in the order in which cost.json has them, explained for these two runtimes."""
    found = {
        ISOLATE_COLD: CellText(
            title=f"isolate ({runtime})",
            what="A request that asks a running process for an isolate that does not exist yet, to the whole response.",
            verified=f"{_PROOF}; cold is proved by a nonce never seen before and a count of served requests of 1",
        ),
        PROCESS_COLD: CellText(
            title=f"process ({baseline})",
            what="From starting a new process to the whole first response, the adapter's own steps included.",
            verified=f"{_PROOF}; cold is proved by a nonce never seen before and a count of served requests of 1",
        ),
        WARM_RUNTIME: CellText(
            title=f"warm ({runtime})",
            what="A hello request on a kept-alive connection, one at a time.",
            verified=f"{_PROOF}; warm is proved by a nonce seen before and a count of served requests above 1",
        ),
        WARM_PROCESS: CellText(
            title=f"warm ({baseline})",
            what="The same request to the same Worker in a process of its own.",
            verified=f"{_PROOF}; warm is proved by a nonce seen before and a count of served requests above 1",
        ),
    }
    for way in WAYS:
        host = baseline if way.on_baseline else runtime
        for calls in (FEW_CALLS, MANY_CALLS):
            found[way.cell(calls)] = CellText(
                title=f"{way.title}, {calls} call{'s' if calls > 1 else ''} ({host})",
                what=f"A request whose Worker makes {calls} call{'s, one after another,' if calls > 1 else ''} "
                "to another Worker.",
                verified=_SUM,
            )
    return found
