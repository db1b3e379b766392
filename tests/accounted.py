"""Whether every arrival of a schedule is somewhere in what the engine counted."""

from __future__ import annotations

from loadgen.engine import Tally


def balanced(tally: Tally) -> bool:
    parts = tally.requests + tally.errors.total() + tally.warm_up + tally.censored + tally.dropped
    return tally.scheduled == parts and len(tally.response) == len(tally.service) == tally.requests
