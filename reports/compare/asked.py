"""What a comparison is asked for, from the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

NO_BASELINE = "none"

MOST_LAUNCHES = 1_000
"""As many as the load generator takes."""

MOST_SEED = (1 << 31) - 1

_PATHS = frozenset({"binary"})
"""Settings that are paths. They are made absolute: the children of a comparison work in another folder."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`runtimes`: specifications, each as the registry takes them; `seed` and `launches`: None for the usual ones.

    `beside`: names in the folder that are another command's, which a comparison leaves alone.
    """

    runtimes: tuple[str, ...]
    baseline: str = "container"
    profile: str = "quick"
    launches: int | None = None
    seed: int | None = None
    folder: Path
    resume: bool = False
    require_container: bool = False
    beside: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises `UsageError` for what cannot be."""
        if self.launches is not None and not 1 <= self.launches <= MOST_LAUNCHES:
            raise UsageError(f"--launches={self.launches} is out of range", expected=f"1 to {MOST_LAUNCHES}")
        if self.seed is not None and not 0 <= self.seed <= MOST_SEED:
            raise UsageError(f"--seed={self.seed} is out of range", expected=f"0 to {MOST_SEED}")
        if self.require_container and self.baseline in {NO_BASELINE, "node"}:
            raise UsageError(
                f"--require-container and --baseline={self.baseline} exclude each other",
                expected="--baseline=container, or no --require-container",
            )


def specifications(text: str) -> tuple[str, ...]:
    """The runtimes of `name,key=value,other`: a part with an equals sign is a setting of the name before it.

    Raises `UsageError` for a list that names nothing, or the same twice.
    """
    found: list[str] = []
    for part in (word.strip() for word in text.split(",")):
        if not part:
            raise UsageError(f"--runtime={text} has an empty part", expected="NAME,key=value,OTHER-NAME")
        if "=" not in part:
            found.append(part)
        elif found:
            found[-1] += f",{_setting(part)}"
        else:
            raise UsageError(f"--runtime={text}: the setting {part!r} has no runtime before it")
    twice = sorted({each for each in found if found.count(each) > 1})
    if twice:
        raise UsageError(
            f"--runtime={text} names {', '.join(twice)} twice",
            expected="each runtime once: the first is measured twice by itself, for the noise of the machine",
        )
    return tuple(found)


def _setting(part: str) -> str:
    key, _, value = part.partition("=")
    return f"{key}={Path(value).resolve()}" if key in _PATHS and value else part
