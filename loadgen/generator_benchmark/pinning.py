"""Which cores are the generator's and which the target's, so that neither takes time from the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, kw_only=True)
class Pinning:
    """One core for each; with a single core to use, the same one. `shared_core`: two threads of one physical core."""

    generator: int
    target: int
    shared_core: bool = False

    @property
    def apart(self) -> bool:
        return self.generator != self.target

    def __str__(self) -> str:
        if not self.apart:
            return f"generator and target share CPU {self.target}, the only one this process may use: nothing is apart"
        words = f"every generator on CPU {self.generator}; target, and the process that watches, on CPU {self.target}"
        return words + ("; both are threads of one physical core" if self.shared_core else "")


def choose(usable: set[int], siblings: Callable[[int], set[int]] | None = None) -> Pinning:
    """The last usable core for the generator, and for the target the first one that is no thread of the same core.

    CPU 0 goes to the target where there is a choice: it takes most interrupts, which all generators then suffer alike.
    """
    siblings = siblings or _siblings
    generator = max(usable)
    others = sorted(usable - {generator})
    if not others:
        return Pinning(generator=generator, target=generator)
    real = [cpu for cpu in others if cpu not in siblings(generator)]
    return Pinning(generator=generator, target=(real or others)[0], shared_core=not real)


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """This thread, and every process it starts meanwhile, on that core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(cpu: int) -> set[int]:
    try:
        text = (_TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text(encoding="ascii")
        found: set[int] = set()
        for part in text.strip().split(","):
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    except (OSError, ValueError):  # not told: taken for a core of its own
        return {cpu}
    return found
