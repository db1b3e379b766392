"""Many comparisons at once: with a hundred of them, five are "significant" by chance alone."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UsageError


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the order given: the chance of even one false alarm in the family stays below the level.

    Raises `UsageError` for what is no probability. Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise UsageError(f"{p!r} is no probability", expected="0 to 1")
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = worst
    return corrected
