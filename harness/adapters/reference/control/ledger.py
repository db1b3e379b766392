"""The accounts: one record for each invocation, in the order they began."""

from __future__ import annotations

import asyncio

from harness.adapters.reference.control.invocation import Invocation
from harness.runtime import Invocation as Record


class Ledger:
    """`since` waits until enough records of a Worker are complete. Records are kept only when `keep` is set."""

    def __init__(self, location: str, *, keep: bool) -> None:
        self._location = location
        self.keep = keep
        self._begun = 0
        self._records: dict[int, Record] = {}
        self._changed = asyncio.Event()

    def begin(self, invocation: Invocation) -> None:
        invocation.index = self._begun
        self._begun += 1

    def end(self, invocation: Invocation) -> Record:
        record = Record(
            worker=invocation.deployment.worker.name,
            event=invocation.begin.event,
            outcome=invocation.outcome,
            cpu_time_ms=self.cpu_ms(invocation),
            wall_time_ms=self.wall_ms(invocation),
            isolate=invocation.isolate_name,
            subrequests=invocation.external + invocation.internal,
            location=self._location,
            billed_ms=self.billed_ms(invocation),
        )
        if self.keep:
            self._records[invocation.index] = record
            self._changed.set()
        return record

    def cpu_ms(self, invocation: Invocation) -> float:
        """What its own turns used, on the isolate's thread."""
        return invocation.cpu_ns / 1e6

    def wall_ms(self, invocation: Invocation) -> float:
        return (invocation.ended_ns - invocation.begun_ns) / 1e6

    def billed_ms(self, invocation: Invocation) -> float:
        """Billing is by CPU time: waiting costs nothing."""
        return self.cpu_ms(invocation)

    def mark(self) -> int:
        return self._begun

    async def since(self, mark: int, worker: str, at_least: int, deadline_s: float) -> list[Record] | int:
        """The records, or how many there were when the deadline passed."""
        found: list[Record] = []
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    begun = range(mark, self._begun)
                    complete = [self._records[index] for index in begun if index in self._records]
                    found = [record for record in complete if record.worker == worker]
                    if len(found) >= at_least:
                        return found
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return len(found)
