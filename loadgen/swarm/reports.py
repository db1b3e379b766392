"""What came of a run, worker by worker: sent in parts, added up once, and not called whole when a part is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from loadgen.engine import Tally
from loadgen.engine.tally import TallyMessage
from loadgen.swarm.interval_log import IntervalLog


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came since the last report of that worker in that run.

    `number` rises by one from 0, so that a lost report shows. `final`: nothing follows. `faults`: tracebacks of
    engines that failed.
    """

    run: str
    number: int
    final: bool
    faults: tuple[str, ...]
    tally: TallyMessage


@dataclass(kw_only=True)
class Share:
    """What one worker told. `broken` and `lost` say why its part is not whole; empty while nothing seems missing."""

    tally: Tally = field(default_factory=Tally)
    reports: int = 0
    final: bool = False
    broken: str = ""
    lost: str = ""


class Collector:
    """Adds up the parts of one run. `intervals` is the run by time, over all workers."""

    def __init__(self, workers: Iterable[str]) -> None:
        self.shares = {worker: Share() for worker in workers}
        self.intervals = IntervalLog()

    def expect(self, worker: str) -> None:
        """One that came later, and whose last report is waited for too."""
        self.shares.setdefault(worker, Share())

    def add(self, worker: str, part: Tally) -> None:
        """Count in what a worker did. `part` is used up."""
        for interval in part.intervals:
            self.intervals.add(interval)
        part.intervals = []
        self.shares.setdefault(worker, Share()).tally.merge(part)

    def accept(self, worker: str, report: Report) -> None:
        """Count in a report. One that is out of turn is counted too, and makes the worker's part broken."""
        share = self.shares.setdefault(worker, Share())
        if report.number != share.reports:
            share.broken = f"report {share.reports} never came"
        share.reports = report.number + 1
        self.add(worker, Tally.from_message(report.tally))
        if report.final:
            self.end(worker, report.faults)

    def end(self, worker: str, faults: Iterable[str] = ()) -> None:
        """Nothing more comes from this worker: its part is whole, but for engines that failed."""
        share = self.shares[worker]
        share.final, share.lost = True, ""
        for fault in faults:
            # The line of a traceback that names the error; what an error says beyond its first line is indented.
            lines = [line for line in fault.splitlines() if line[:1].strip()]
            share.broken = f"an engine failed: {lines[-1] if lines else fault}"

    def lose(self, worker: str, why: str) -> None:
        """Nothing more is waited for from this worker. What arrived is kept, and should the rest come, it counts."""
        if not self.shares[worker].final:
            self.shares[worker].lost = why

    def waiting_for(self) -> list[str]:
        """Workers that will still report."""
        return [worker for worker, share in self.shares.items() if not share.final and not share.lost]

    def whole(self) -> Tally:
        """The sum over all workers, without intervals."""
        total = Tally()
        for share in self.shares.values():
            total.merge(share.tally)
        return total

    def why_incomplete(self) -> str:
        """Empty when every worker's part is whole. Workers are numbered in their order, from 0."""
        reasons = []
        for number, share in enumerate(self.shares.values()):
            words = [share.broken, share.lost or ("" if share.final else "it never said that it was done")]
            reasons += [f"worker {number}: {each}" for each in words if each]
        return "; ".join(reasons)
