"""A turn made by the engine: one kind of request, closed or open loop, checked answer by answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from loadgen.arrivals import Constant
from loadgen.engine import Endpoint, Engine, LoadPlan, Requests, Tally, verdict
from loadgen.probes import NOT_COLD, NOT_WARM
from loadgen.scenarios.model import Taken

VERIFIED_REQUESTS = 3
"""Asked one after the other before anything is timed."""

OPEN_LOOP_CONNECTIONS = 64

COUNTED_DEADLINE_S = 60.0
"""Safety deadline of a number of requests: a target that is gone refuses them one by one, ever more slowly."""

_OF_ANOTHER_KIND = frozenset({NOT_COLD, NOT_WARM})


@dataclass(kw_only=True)
class EngineTurn:
    """`requests` makes what is sent, anew for each run of the engine.

    With `rate_rps` an open loop of `warm_up_s + seconds`; else a closed loop of the same length, or of `count`
    requests, before the first of which `warm_up_count` are made and thrown away. `speaks_for`: the modes that are
    verified by verifying this one, because they ask the same; None for this mode alone.
    """

    mode: str
    endpoint: Endpoint
    requests: Callable[[], Requests]
    connections: int = 1
    rate_rps: float | None = None
    seconds: float = 0.0
    warm_up_s: float = 0.0
    count: int | None = None
    warm_up_count: int = 0
    timeout_s: float = 10.0
    speaks_for: tuple[str, ...] | None = None
    _warm: bool = field(default=False, init=False)

    @property
    def modes(self) -> tuple[str, ...]:
        return (self.mode,)

    def verify(self) -> Mapping[str, str]:
        modes = self.modes if self.speaks_for is None else self.speaks_for
        words = wrong_answers(self.endpoint, self.requests(), timeout_s=self.timeout_s) if modes else ""
        return dict.fromkeys(modes, words) if words else {}

    def take(self) -> Mapping[str, Taken]:
        if self.warm_up_count and not self._warm:
            Engine(self._counted(self.warm_up_count)).run()
            self._warm = True
        return {self.mode: taken(self.plan())}

    def plan(self) -> LoadPlan:
        """Of one turn. Raises `UsageError` for values out of range."""
        if self.count is not None:
            return self._counted(self.count)
        length_s = self.warm_up_s + self.seconds
        return LoadPlan(
            endpoint=self.endpoint,
            requests=self.requests(),
            connections=self.connections,
            arrivals=None if self.rate_rps is None else Constant(self.rate_rps, length_s),
            duration_s=length_s if self.rate_rps is None else None,
            warm_up_s=self.warm_up_s,
            timeout_s=self.timeout_s,
        )

    def _counted(self, count: int) -> LoadPlan:
        return LoadPlan(
            endpoint=self.endpoint,
            requests=self.requests(),
            connections=self.connections,
            count=count,
            duration_s=COUNTED_DEADLINE_S,
            timeout_s=self.timeout_s,
        )


def taken(plan: LoadPlan) -> Taken:
    """Run the plan to its end, in this thread."""
    tally = Engine(plan).run()
    judged = verdict(tally, plan)
    return Taken(tally=tally, discarded=_parted(tally), saturated=judged.saturated, saturation=judged.words)


def wrong_answers(endpoint: Endpoint, requests: Requests, *, timeout_s: float, count: int = VERIFIED_REQUESTS) -> str:
    """Ask `count` times: what was wrong with the answers; empty when all were right, of the cell's kind or not."""
    tally = Engine(
        LoadPlan(endpoint=endpoint, requests=requests, connections=1, count=count, timeout_s=timeout_s)
    ).run()
    _parted(tally)
    if not tally.errors:
        return ""
    return f"{tally.errors.total()} of {count} answers were wrong: " + ", ".join(sorted(tally.errors))


def _parted(tally: Tally) -> Counter[str]:
    """Take right answers of another kind out of the errors, where a body check had to put them."""
    return Counter({word: tally.errors.pop(word) for word in _OF_ANOTHER_KIND & tally.errors.keys()})
