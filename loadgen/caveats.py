"""What limits a result, as typed values; cost.json has each as the sentence it makes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from loadgen.profiles import LAUNCHES_FOR_A_VERDICT

BUSY_SHARE = 0.1
"""More of the machine's CPU time in use than this, before anything is started: it was doing something else."""


@dataclass(frozen=True, kw_only=True)
class TooFewLaunches:
    launches: int

    def __str__(self) -> str:
        return f"too few launches for a verdict: {self.launches}, where {LAUNCHES_FOR_A_VERDICT} are needed"


@dataclass(frozen=True, kw_only=True)
class BusyMachine:
    busy_share: float

    def __str__(self) -> str:
        return f"the machine was not idle: {self.busy_share:.0%} of its CPU time was in use before the start"


@dataclass(frozen=True, kw_only=True)
class SharedCores:
    cores: int

    def __str__(self) -> str:
        return f"load generator, runtime and baseline shared {self.cores} cores; nothing was pinned"


@dataclass(frozen=True, kw_only=True)
class ShortWarmUp:
    profile: str

    def __str__(self) -> str:
        return (
            f"the {self.profile} profile times calls while JavaScript is still being optimised, which the process, "
            "with more of it on the way of a call, shows most; the full profile warms up longer"
        )


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, kw_only=True)
class WrongAnswers:
    cell: str
    errors: Mapping[str, int]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in self.errors.items())
        return f"{self.cell} had errors, which are in no figure: {reasons}"


@dataclass(frozen=True, kw_only=True)
class NothingTimed:
    cell: str
    reasons: Mapping[str, int]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} x {reason}" for reason, count in self.reasons.items())
        return f"{self.cell} has no figure: no sample was right and of its kind ({reasons or 'none was taken'})"


Caveat = TooFewLaunches | BusyMachine | SharedCores | ShortWarmUp | LeftOut | WrongAnswers | NothingTimed


def of_machine(busy_share: float) -> tuple[Caveat, ...]:
    """What the machine itself puts in doubt. `busy_share`: of its CPU time, with nothing of the run started."""
    cores = len(os.sched_getaffinity(0))
    found: tuple[Caveat, ...] = (BusyMachine(busy_share=busy_share),) if busy_share > BUSY_SHARE else ()
    return (*found, SharedCores(cores=cores))
