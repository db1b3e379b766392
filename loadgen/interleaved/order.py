"""In which order pairs of a subject and a scenario are launched: drawn anew for each round, and from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

PairT = TypeVar("PairT")


def of_round(pairs: Iterable[PairT], seed: int, number: int) -> list[PairT]:
    """Each of them once. It does not depend on other rounds, so that a run can be taken up again anywhere."""
    found = list(pairs)
    _drawn(seed, "round", number).shuffle(found)
    return found


def of_turns(seed: int, scenario: str, slug: str, number: int) -> random.Random:
    """What the order of the turns within one launch is drawn from."""
    return _drawn(seed, scenario, slug, number)


def _drawn(*parts: object) -> random.Random:
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - an order that can be repeated, not a secret
