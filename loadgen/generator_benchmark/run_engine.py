"""The project's own generator in a process of its own: `python -m loadgen.generator_benchmark.run_engine JSON`.

Prints one line of JSON, `EngineOutcome`.
"""

from __future__ import annotations

import sys

import msgspec

from loadgen.arrivals import Constant
from loadgen.engine import Check, Endpoint, Engine, LoadPlan, One, Pacing, get, verdict
from loadgen.generator_benchmark.scheduled_server import BODY

FRACTIONS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


class EngineRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do. `rate_rps` None: a closed loop. `seconds` includes the warm-up."""

    port: int
    connections: int
    seconds: float
    rate_rps: float | None = None
    warm_up_s: float = 0.0
    pacing: Pacing = Pacing.HYBRID


class EngineOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of it. `due`: requests due after the warm-up. Percentiles are of response times, in nanoseconds.

    In a closed loop `requests` and `errors` are those of the warm-up too, as with the tools beside it.
    """

    requests: int
    errors: int
    due: int
    late: int
    censored: int
    dropped: int
    percentiles_ns: dict[str, int]
    saturated: bool
    verdict: str


def plan_of(run: EngineRun) -> LoadPlan:
    endpoint = Endpoint(port=run.port)
    return LoadPlan(
        endpoint=endpoint,
        requests=One(get(endpoint, "/"), Check(status=200, body=BODY)),
        connections=run.connections,
        arrivals=None if run.rate_rps is None else Constant(rate_rps=run.rate_rps, duration_s=run.seconds),
        duration_s=run.seconds if run.rate_rps is None else None,
        warm_up_s=run.warm_up_s,
        pacing=run.pacing,
    )


def measured(run: EngineRun) -> EngineOutcome:
    """Raises `UsageError` for values out of range."""
    plan = plan_of(run)
    tally = Engine(plan).run()
    saturation = verdict(tally, plan)
    values = tally.response.values_at(FRACTIONS.values()) if tally.response else (0,) * len(FRACTIONS)
    return EngineOutcome(
        requests=tally.requests,
        errors=tally.errors.total() + tally.warm_up_errors.total(),
        due=tally.scheduled - tally.warm_up,
        late=tally.late,
        censored=tally.censored,
        dropped=tally.dropped,
        percentiles_ns=dict(zip(FRACTIONS, values, strict=True)),
        saturated=saturation.saturated,
        verdict=saturation.words,
    )


if __name__ == "__main__":
    print(msgspec.json.encode(measured(msgspec.json.decode(sys.argv[1], type=EngineRun))).decode(), flush=True)
