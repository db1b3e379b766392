"""Whose turn it is: in every round everybody's once, in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.errors import UsageError


def order(names: Sequence[str], launches: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """A fresh permutation of the names for each of `launches` rounds; the same seed gives the same order, anywhere.

    Blocks (all launches of one, then all of the next) would measure how the machine changed in between. A longer run
    begins with the rounds of a shorter one. Raises `UsageError` for no name, a name twice, or fewer than one launch.
    """
    if not names:
        raise UsageError("there is nothing to take turns", expected="at least one name")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UsageError(f"{', '.join(map(repr, twice))} would take turns with itself", expected="each name once")
    if launches < 1:
        raise UsageError(f"{launches} launches are no measurement", expected="1 or more")
    shuffle = random.Random(seed)  # noqa: S311 - an order that can be repeated, not a secret
    rounds = []
    for _ in range(launches):
        turn = list(names)
        shuffle.shuffle(turn)
        rounds.append(tuple(turn))
    return tuple(rounds)
