"""Which cores the generator runs on and which the target, so that neither takes time from the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from loadgen.generator_benchmark.pinning import choose


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One core for the generator, all others for the target; with a single one to use, that for both."""

    generator: frozenset[int]
    target: frozenset[int]
    shared_core: bool = False
    """Whether they are threads of one physical core."""

    @property
    def apart(self) -> bool:
        return not self.generator & self.target and not self.shared_core

    def __str__(self) -> str:
        if self.generator & self.target:
            return f"generator and runtime shared CPU {_listed(self.target)}, the only one this process may use"
        words = f"generator on CPU {_listed(self.generator)}, all threads of the runtime on CPU {_listed(self.target)}"
        return words + ("; these are threads of one physical core" if self.shared_core else "")


def place(usable: set[int], siblings: Callable[[int], set[int]] | None = None) -> Placement:
    """The last usable core for the generator, as the generator's own benchmark has it; the rest for the target.

    A thread that shares the generator's physical core stays empty where the target has another one.
    """
    chosen = choose(usable, siblings)
    rest = usable - {chosen.generator}
    if not rest:
        return Placement(generator=frozenset(usable), target=frozenset(usable))
    alone = {cpu for cpu in rest if choose({cpu, chosen.generator}, siblings).shared_core is False}
    return Placement(
        generator=frozenset({chosen.generator}), target=frozenset(alone or rest), shared_core=chosen.shared_core
    )


@contextlib.contextmanager
def on(cpus: Iterable[int]) -> Iterator[None]:
    """This thread, and whatever it starts meanwhile, on these cores; afterwards where it was before."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_threads(pids: Iterable[int], cpus: frozenset[int]) -> int:
    """Put every thread of these processes there; what they start later follows. How many there were."""
    count = 0
    for pid in pids:
        for task in _tasks(pid):
            with contextlib.suppress(ProcessLookupError):  # a thread that has ended meanwhile
                os.sched_setaffinity(task, cpus)
                count += 1
    return count


def _tasks(pid: int) -> list[int]:
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # the process has ended: whoever asks it something next will say so
        return []


def _listed(cpus: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(cpus)))
