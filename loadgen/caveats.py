"""What limits a result, as typed values; cost.json has each as the sentence it makes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from loadgen.profiles import LAUNCHES_FOR_A_VERDICT

BUSY_SHARE_OF_CORES = 0.5
"""A load average above this share of the cores at the start: the machine was doing something else."""


@dataclass(frozen=True, kw_only=True)
class TooFewLaunches:
    launches: int

    def __str__(self) -> str:
        return f"too few launches for a verdict: {self.launches}, where {LAUNCHES_FOR_A_VERDICT} are needed"


@dataclass(frozen=True, kw_only=True)
class BusyMachine:
    load_average: float
    cores: int

    def __str__(self) -> str:
        return f"the machine was not idle: load average {self.load_average:.2f} on {self.cores} cores at the start"


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


def of_machine(load_average: float) -> tuple[Caveat, ...]:
    """What the machine itself puts in doubt. `load_average`: over the minute before the run."""
    cores = len(os.sched_getaffinity(0))
    busy = load_average > BUSY_SHARE_OF_CORES * cores
    found: tuple[Caveat, ...] = (BusyMachine(load_average=load_average, cores=cores),) if busy else ()
    return (*found, SharedCores(cores=cores))
