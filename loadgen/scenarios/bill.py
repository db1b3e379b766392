"""The bill: what the same computing costs with and without waiting, by the runtime's own accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.errors import NotObservable
from harness.load_results import Point
from harness.runtime import Conditions, Instance, Invocation, Ledger
from loadgen.engine import Endpoint, LoadPlan, Tally
from loadgen.scenarios import probes
from loadgen.scenarios.bench import Bench, endpoint_of
from loadgen.scenarios.engine_turn import VERIFIED_REQUESTS, taken, wrong_answers
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import CellPlan, Plan, Scenario, Taken
from loadgen.scenarios.under_test import UnderTest

WORKER = "billed"
ROUNDS = 2_000_000
WAITS_MS = (0, 50, 200)

TIMEOUT_S = 10.0

CPU, WALL, BILLED = "cpu ms", "wall ms", "billed ms"

QUICK = Extent(launches=3, rounds=2, count=5)
FULL = Extent(launches=10, rounds=4, count=10)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    return Plan(
        cells=tuple(
            CellPlan(
                mode=mode_of(ms),
                title=f"waits {ms} ms ({tested.name})",
                what=f"A handler that computes {ROUNDS:,} rounds of integer work, about 5 ms in V8, and then waits "
                f"{ms} ms for a timer; one request at a time, each right after the same work and a timer of 0 ms. "
                "Beside the client's time, where the runtime keeps accounts: CPU time, wall time and billed time of "
                "an invocation, the mean over the requests.",
                verified="status 200, the exact result of the work, and the time that was waited",
                point=Point(name="ms waited", value=ms),
            )
            for ms in WAITS_MS
        )
    )


def mode_of(ms: int) -> str:
    return f"wait-{ms}"


@dataclass(frozen=True, kw_only=True)
class BillTurn:
    """`count` requests, and what the accounts say of them. `ledger`: None where the runtime keeps none.

    `speaks_for`: the modes that are verified by verifying this one.
    """

    bench: Bench
    endpoint: Endpoint
    ledger: Ledger | None
    ms: int
    count: int
    speaks_for: tuple[str, ...]

    @property
    def modes(self) -> tuple[str, ...]:
        return (mode_of(self.ms),)

    def verify(self) -> Mapping[str, str]:
        """Without the wait, which tells nothing more; this also has the work compiled."""
        words = self._work() if self.speaks_for else ""
        return dict.fromkeys(self.speaks_for, words) if words else {}

    def take(self) -> Mapping[str, Taken]:
        """Each request right after the same work and a timer of 0 ms.

        Else one mode would begin in caches that are warm, and another after a pause, and the bill show that.
        """
        whole, wall_ns, invocations = Taken(tally=Tally()), 0, list[Invocation]()
        for _ in range(self.count):
            self._work(count=1)
            mark = self.ledger.mark() if self.ledger is not None else 0
            one = taken(self._plan())
            wall_ns += one.tally.wall_ns
            whole.tally.merge(one.tally)
            whole.saturated, whole.saturation = whole.saturated or one.saturated, one.saturation
            if one.tally.requests:
                invocations += self._records(mark)
        whole.tally.wall_ns = wall_ns
        whole.observed = accounts(invocations)
        return {self.modes[0]: whole}

    def _work(self, count: int = VERIFIED_REQUESTS) -> str:
        """What is wrong with answers that wait for nothing."""
        return wrong_answers(self.endpoint, probes.billed(self.endpoint, ROUNDS, 0), timeout_s=TIMEOUT_S, count=count)

    def _plan(self) -> LoadPlan:
        return LoadPlan(
            endpoint=self.endpoint,
            requests=probes.billed(self.endpoint, ROUNDS, self.ms),
            connections=1,
            count=1,
            timeout_s=TIMEOUT_S,
        )

    def _records(self, mark: int) -> Sequence[Invocation]:
        if self.ledger is None:
            return ()
        try:
            return self.ledger.since(mark, worker=WORKER, at_least=1)
        except NotObservable as error:  # of this invocation, though there are accounts
            leave_out(self.bench, str(error))
            return ()


def accounts(invocations: Sequence[Invocation]) -> dict[str, float]:
    """Means in milliseconds; what not every record has is left out."""
    columns = {
        CPU: [each.cpu_time_ms for each in invocations],
        WALL: [each.wall_time_ms for each in invocations],
        BILLED: [each.billed_ms for each in invocations if each.billed_ms is not None],
    }
    return {name: fmean(values) for name, values in columns.items() if values and len(values) == len(invocations)}


def start(bench: Bench, plan: Plan) -> Sequence[BillTurn]:
    instance = bench.launch([probes.worker(WORKER)], Conditions(instruments=frozenset({Ledger})))
    endpoint, ledger = endpoint_of(instance, WORKER), _ledger(bench, instance)
    modes = tuple(map(mode_of, WAITS_MS))
    return [
        BillTurn(
            bench=bench,
            endpoint=endpoint,
            ledger=ledger,
            ms=ms,
            count=bench.extent.count,
            speaks_for=modes if ms == WAITS_MS[0] else (),
        )
        for ms in WAITS_MS
    ]


def _ledger(bench: Bench, instance: Instance) -> Ledger | None:
    try:
        return instance.instrument(Ledger)
    except NotObservable:
        leave_out(bench, f"{bench.tested.name} keeps no accounts")
        return None


def leave_out(bench: Bench, why: str) -> None:
    """Say why there are no figures of the accounts."""
    bench.left_out.update(dict.fromkeys((CPU, WALL, BILLED), why))


SCENARIO = Scenario(
    name="bill",
    about="what the same computing costs with and without waiting: CPU, wall and billed time",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
)
