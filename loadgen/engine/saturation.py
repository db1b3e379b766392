"""Whether a result is the target's or the generator's own: a saturated generator measures itself."""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.engine.plan import LoadPlan
from loadgen.engine.tally import Tally

MOST_WORK_SHARE = 0.95
"""Of a core. Above it a closed loop is as fast as its generator, and an open one has no room for a burst."""

MOST_BEHIND_SHARE = 0.01
"""Of the schedule: with so many requests late by the generator's own fault, p99 is its figure and not the target's."""


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """With `saturated` the result is not the target's, and must not be reported as such; `words` say why."""

    saturated: bool
    work_share: float
    behind_share: float
    max_late_ns: int
    words: str


def verdict(tally: Tally, plan: LoadPlan) -> Saturation:
    """Of one engine's tally. In a sum a saturated one can hide: judge each worker by itself.

    Of several engines in one process, which share a core, `engine_ns` has to be the time that went by.
    """
    after_warm_up = tally.scheduled - tally.warm_up
    behind_share = tally.behind / after_warm_up if after_warm_up > 0 else 0.0
    worked = f"worked {tally.work_share:.0%} of the time"
    late = f"sent {behind_share:.2%} of the requests more than 1 ms late with a connection free"
    too_busy = tally.work_share > MOST_WORK_SHARE
    too_late = plan.arrivals is not None and behind_share > MOST_BEHIND_SHARE
    if too_busy or too_late:
        reasons = " and ".join([worked] * too_busy + [late] * too_late)
        words = f"the generator was saturated: it {reasons}; these are its figures, not the target's"
    else:
        words = f"the generator kept up: it {worked}" + (f" and {late}" if tally.behind else "")
    return Saturation(
        saturated=too_busy or too_late,
        work_share=tally.work_share,
        behind_share=behind_share,
        max_late_ns=tally.max_late_ns,
        words=words,
    )
