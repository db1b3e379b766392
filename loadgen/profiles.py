"""How much is measured: the number of launches, and how many samples of each kind one launch takes."""

from __future__ import annotations

from dataclasses import dataclass

CALLS_TO_WARM_UP = 15
"""Pairs within which the time of a call between two Node processes falls to a fraction of what it is at first."""

LAUNCHES_FOR_A_VERDICT = 10
"""The unit of replication is the launch; below this many, two runtimes cannot be told apart with any confidence."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """`rounds` is how often the modes take turns; the samples of each mode are spread evenly over the rounds.

    `warm_up_calls`: pairs of requests with calls that are made before any is timed. `deadline_s` bounds one launch,
    from starting its runtimes to its last sample.
    """

    name: str
    launches: int
    rounds: int
    process_colds: int
    isolate_colds: int
    warm_requests: int
    call_pairs: int
    warm_up_calls: int
    deadline_s: float


QUICK = Profile(
    name="quick",
    launches=10,
    rounds=8,
    process_colds=2,
    isolate_colds=15,
    warm_requests=150,
    call_pairs=8,
    warm_up_calls=20,
    deadline_s=60,
)
FULL = Profile(
    name="full",
    launches=20,
    rounds=40,
    process_colds=5,
    isolate_colds=80,
    warm_requests=2000,
    call_pairs=40,
    warm_up_calls=20,
    deadline_s=180,
)
PROFILES = {profile.name: profile for profile in (QUICK, FULL)}


def spread(total: int, rounds: int, *, warm_up: int) -> tuple[int, ...]:
    """Samples in each round, the warm-up first: `total` over `rounds` as evenly as integers allow."""
    return (warm_up, *(total * (index + 1) // rounds - total * index // rounds for index in range(rounds)))
