"""A container's accounts: a record per request, with the CPU time that the kernel counted for the container meanwhile.

The kernel counts for a container, not for a request. What the count grew by between a request's beginning and its end
is that request's CPU time when it was alone inside; when requests overlap, nobody can tell their parts, and asking for
them raises `NotObservable`. A request that the container's end cut off has the outcome and the times up to the end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.adapters.container.watch import Death
from harness.adapters.node.handler import Begun, Ended
from harness.errors import DeadlineExceeded, NotObservable
from harness.runtime import Invocation, Ledger, Outcome

RECORD_DEADLINE_S = 30.0
"""Safety deadline for a record to be there once its request was answered; it takes about a millisecond."""


@dataclass(kw_only=True)
class _Record:
    worker: str
    isolate: str
    begun: Begun
    alone: bool
    ended: Ended | None = None
    death: Death | None = None
    outcome_of_death: Callable[[], Outcome] | None = None

    @property
    def over(self) -> bool:
        return self.ended is not None or self.death is not None


class Account:
    """One container's part: told of what happens to it, in its order."""

    def __init__(self, ledger: ContainerLedger, worker: str, isolate: str) -> None:
        self._ledger = ledger
        self._worker = worker
        self._isolate = isolate
        self._inside: dict[int, _Record] = {}

    def take(self, word: Begun | Ended) -> None:
        with self._ledger.changed:
            if isinstance(word, Begun):
                for other in self._inside.values():
                    other.alone = False
                record = _Record(worker=self._worker, isolate=self._isolate, begun=word, alone=not self._inside)
                self._inside[word.number] = record
                self._ledger.records.append(record)
            else:
                self._inside.pop(word.number).ended = word
            self._ledger.changed.notify_all()

    def died(self, death: Death, outcome: Callable[[], Outcome]) -> None:
        """The container ended. `outcome` tells, when it is asked for, how the requests inside ended with it."""
        with self._ledger.changed:
            for record in self._inside.values():
                record.death, record.outcome_of_death = death, outcome
            self._inside.clear()
            self._ledger.changed.notify_all()


class ContainerLedger(Ledger):
    """The accounts of all containers of a launch. `settle`: makes each take what it was told so far."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.records: list[_Record] = []
        self.settle: Sequence[Callable[[], None]] = ()

    def mark(self) -> int:
        # A container says that a request began before it answers it: what was answered is in the socket by now.
        for settle in self.settle:
            settle()
        with self.changed:
            return len(self.records)

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        deadline = time.monotonic() + RECORD_DEADLINE_S
        with self.changed:
            while True:
                over = [record for record in self.records[mark:] if record.worker == worker and record.over]
                if len(over) >= at_least:
                    break
                if not self.changed.wait(timeout=max(0.0, deadline - time.monotonic())):
                    raise DeadlineExceeded(
                        f"the ledger has {len(over)} finished invocations of Worker {worker!r}, not {at_least}, "
                        f"after {RECORD_DEADLINE_S:g} s",
                        expected="a record for each answered request",
                    )
        return tuple(map(_invocation, over))


def _invocation(record: _Record) -> Invocation:
    if record.ended is not None:
        if record.ended.cpu_ns is None:
            raise NotObservable(
                f"requests to Worker {record.worker!r} overlapped, and CPU time is counted for the whole container"
            )
        outcome, cpu_ns, wall_ns = record.ended.outcome, float(record.ended.cpu_ns), record.ended.wall_ns
    else:
        assert record.death is not None
        assert record.outcome_of_death is not None
        known = record.alone and record.death.cpu_ns is not None
        outcome = record.outcome_of_death()
        cpu_ns = (record.death.cpu_ns or 0) - record.begun.cpu_ns if known else math.nan
        wall_ns = record.death.at_ns - record.begun.began_ns
    return Invocation(
        worker=record.worker,
        event="fetch",
        outcome=outcome,
        cpu_time_ms=cpu_ns / 1e6,
        wall_time_ms=wall_ns / 1e6,
        isolate=record.isolate,
    )
