"""What a night is asked for, from the words of the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.errors import UsageError, did_you_mean


class Stage(StrEnum):
    """What a night is made of, in this order."""

    COMPARE = "compare"  # promises of every runtime, then their cost in turn
    FAULTS = "faults"  # the kill matrix
    SOAK = "soak"  # ten thousand kills beside a neighbour
    GATE = "gate"  # held against the nights before


OPTIONAL = (Stage.FAULTS, Stage.SOAK)


@dataclass(frozen=True, kw_only=True)
class AskedNight:
    """`runtimes`: specifications; empty for every adapter that can run here. `site`: folder for the pages of all."""

    published: Path
    site: Path
    profile: str = "full"
    runtimes: tuple[str, ...] = ()
    baseline: str = "container"
    require_container: bool = False
    launches: int | None = None
    threshold: float = 1.10
    stages: tuple[Stage, ...] = tuple(Stage)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be."""
        if not (self.threshold > 1 and math.isfinite(self.threshold)):
            raise UsageError(
                f"--threshold={self.threshold:g} is no threshold", expected="a factor above 1, such as 1.10"
            )


def stages(text: str) -> tuple[Stage, ...]:
    """The stages of a list such as `compare,faults`; the comparison and its gate are in every night.

    Raises `UsageError` for a word that is none.
    """
    known = [Stage.COMPARE, *OPTIONAL]
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise UsageError(f"--only={text}: there is no part {word!r}", expected=did_you_mean(word, known))
    if Stage.COMPARE not in words:
        raise UsageError(
            f"--only={text} leaves out the comparison, which a night is kept for",
            expected="--only=compare, with or without faults and soak",
            remedy="run the fault matrix by itself with `isomark faults`",
        )
    return tuple(each for each in Stage if each in words or each is Stage.GATE)
