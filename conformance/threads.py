"""Which threads of a runtime work beside each other: the kernel's own account, whatever the guest's clocks say."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType

from conformance.kernel import ThreadTimes, thread_times

SAMPLE_S = 0.01

TAIL = 0.1
"""What a thread does before it has used a tenth of its CPU time, and after nine tenths, may be something else."""

SHARE = 0.5
"""A thread that did less than half of what the busiest one did had no work of the same size."""


class ThreadWatch:
    """Samples the CPU time of every thread of some processes for as long as the context lasts."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="thread watch", daemon=True)
        self._samples: list[tuple[float, Mapping[int, ThreadTimes]]] = []

    def __enter__(self) -> ThreadWatch:
        self._take()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._take()

    @property
    def total_ns(self) -> int:
        """What all threads used, but for those that have ended."""
        return sum(self._used_ns().values())

    @property
    def beside(self) -> float:
        """For how much of its work the busiest thread had another one beside it, as busy as itself.

        1 when the two worked from the same moment to the same moment, be it on two cores or, on a busy machine, by
        turns on one; 0 when one had ended before the other began, or when there was only one.
        """
        used_ns, busiest = self._used_ns(), self._both()
        if not busiest:
            return 0.0
        spans = [self._span(thread, used_ns[thread]) for thread in busiest]
        begun, ended = max(span[0] for span in spans), min(span[1] for span in spans)
        shorter = min(span[1] - span[0] for span in spans)
        return max(0.0, ended - begun) / shorter if shorter else 0.0

    @property
    def held_back(self) -> float:
        """For how long the two busiest threads could have run and had no core, for each second that they ran; the
        longer of the two counts. 0 where only one thread worked: it had none to wait for."""
        used_ns, before, after = self._used_ns(), self._samples[0][1], self._samples[-1][1]
        return max(
            (
                (after[thread].held_back_ns - _of(before, thread).held_back_ns) / used_ns[thread]
                for thread in self._both()
            ),
            default=0.0,
        )

    def _both(self) -> list[int]:
        """The two busiest threads; none where a second one had no work of the same size."""
        used_ns = self._used_ns()
        busiest = sorted(used_ns, key=lambda thread: used_ns[thread], reverse=True)[:2]
        return [] if len(busiest) < 2 or used_ns[busiest[1]] < SHARE * used_ns[busiest[0]] else busiest

    def _span(self, thread: int, used_ns: int) -> tuple[float, float]:
        """When it had used a tenth of its CPU time, and when nine tenths."""
        before_ns = _of(self._samples[0][1], thread).ran_ns
        done = [(at, (_of(times, thread).ran_ns - before_ns) / used_ns) for at, times in self._samples]
        return (
            next(at for at, share in done if share >= TAIL),
            next(at for at, share in done if share >= 1 - TAIL),
        )

    def _used_ns(self) -> dict[int, int]:
        before, after = self._samples[0][1], self._samples[-1][1]
        return {thread: times.ran_ns - _of(before, thread).ran_ns for thread, times in after.items()}

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._take()

    def _take(self) -> None:
        self._samples.append((time.monotonic(), thread_times(self._pids)))


def _of(times: Mapping[int, ThreadTimes], thread: int) -> ThreadTimes:
    return times.get(thread, ThreadTimes(ran_ns=0, held_back_ns=0))
