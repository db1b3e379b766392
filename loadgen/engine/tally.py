"""What came of a run, or of a part of it: adds up over takes, workers and runs, and travels between processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from harness.histograms.histogram import LatencyHistogram

LATE_NS = 1_000_000
"""From here on a send counts as late."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The latencies of the answers that came from `start_ns` to `end_ns`, nanoseconds since the Unix epoch."""

    start_ns: int
    end_ns: int
    response: LatencyHistogram
    service: LatencyHistogram


@dataclass(kw_only=True)
class Tally:
    """Counts of one engine or the sum of several.

    Of an open loop's whole run holds, and stays true under `merge`:
    `scheduled == requests + errors.total() + warm_up + censored + dropped`.
    """

    response: LatencyHistogram = field(default_factory=LatencyHistogram)
    """From the intended start to the last byte; of a closed loop the same as `service`."""
    service: LatencyHistogram = field(default_factory=LatencyHistogram)
    """From the send to the last byte."""
    requests: int = 0
    """Right answers after the warm-up: as many as each histogram holds, its out-of-range values included."""
    drained: int = 0
    """Those among them that came after `wall_ns` was over, while what was under way was waited for."""
    carried_over: int = 0
    """Right answers within `wall_ns` to requests of the warm-up, which are counted there."""
    errors: Counter[str] = field(default_factory=Counter)
    """Requests after the warm-up that got no right answer, by `ErrorClass` or a body check's own word."""
    warm_up: int = 0
    """Requests of the warm-up, right or wrong."""
    warm_up_errors: Counter[str] = field(default_factory=Counter)
    """Those among them that got no right answer."""
    scheduled: int = 0
    """Requests that were due (closed loop: begun)."""
    late: int = 0
    """Requests after the warm-up sent more than 1 ms after they were due, whatever the reason."""
    max_late_ns: int = 0
    behind: int = 0
    """Those among the late that waited more than 1 ms while a connection was free: the generator's own fault."""
    censored: int = 0
    """Due, and neither answered nor failed at the end: after `drain_s`, or under way when the run was stopped."""
    dropped: int = 0
    """Due, and never sent because the run was stopped or finished before its time."""
    connects: int = 0
    """Connections made."""
    reconnects: int = 0
    """Those among them that replaced an earlier one."""
    bytes_received: int = 0
    """In right answers, heads included."""
    started_ns: int = 0
    """When the measured part (after the warm-up) began, nanoseconds since the Unix epoch; 0 when it never did."""
    wall_ns: int = 0
    """From then to the end of the load: not the wait for what was under way. Of several tallies, the span of all."""
    engine_ns: int = 0
    """The sum of that time over all engines: what `cpu_ns` and `spun_ns` are shares of."""
    cpu_ns: int = 0
    """CPU time of the engines' threads in it."""
    spun_ns: int = 0
    """The part of it that was spent spinning with nothing to do."""
    intervals: list[Interval] = field(default_factory=list)
    """The measured part and the wait after it, in order, bounded in number: neighbours are joined if there are more."""

    @property
    def rate_rps(self) -> float:
        """Right answers that came in `wall_ns`, per second of it; 0 when that has no length."""
        return self.timely * 1e9 / self.wall_ns if self.wall_ns else 0.0

    @property
    def timely(self) -> int:
        """Right answers that came in `wall_ns`, whenever their requests were sent."""
        return self.requests - self.drained + self.carried_over

    @property
    def work_share(self) -> float:
        """CPU time with something to do, as a share of the engines' time: 1 is a generator at its limit."""
        return max(0, self.cpu_ns - self.spun_ns) / self.engine_ns if self.engine_ns else 0.0

    def merge(self, other: Tally) -> None:
        """Take in another part: of the same run, of another worker, or of another run."""
        starts = [each.started_ns for each in (self, other) if each.started_ns]
        ends = [each.started_ns + each.wall_ns for each in (self, other) if each.started_ns]
        self.started_ns = min(starts, default=0)
        self.wall_ns = max(ends, default=0) - self.started_ns
        self.response.add(other.response)
        self.service.add(other.service)
        self.errors.update(other.errors)
        self.warm_up_errors.update(other.warm_up_errors)
        self.max_late_ns = max(self.max_late_ns, other.max_late_ns)
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.intervals = sorted([*self.intervals, *other.intervals], key=lambda each: each.start_ns)

    def to_message(self) -> TallyMessage:
        return TallyMessage(
            response=_packed(self.response),
            service=_packed(self.service),
            errors=dict(self.errors),
            warm_up_errors=dict(self.warm_up_errors),
            intervals=tuple(
                IntervalMessage(
                    start_ns=each.start_ns,
                    end_ns=each.end_ns,
                    response=_packed(each.response),
                    service=_packed(each.service),
                )
                for each in self.intervals
            ),
            **{name: getattr(self, name) for name in (*_SUMMED, *_OTHER)},
        )

    @classmethod
    def from_message(cls, message: TallyMessage) -> Tally:
        """Raises `ValueError` when a histogram in it is damaged."""
        return cls(
            response=_unpacked(message.response),
            service=_unpacked(message.service),
            errors=Counter(message.errors),
            warm_up_errors=Counter(message.warm_up_errors),
            intervals=[
                Interval(
                    start_ns=each.start_ns,
                    end_ns=each.end_ns,
                    response=_unpacked(each.response),
                    service=_unpacked(each.service),
                )
                for each in message.intervals
            ],
            **{name: getattr(message, name) for name in (*_SUMMED, *_OTHER)},
        )


class HistogramMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`counts` in the V2 compressed form and base64, which has no place for what is out of range."""

    counts: str
    out_of_range: int = 0


class IntervalMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    start_ns: int
    end_ns: int
    response: HistogramMessage
    service: HistogramMessage


class TallyMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `Tally` as it goes between processes, in JSON or anything else msgspec writes."""

    response: HistogramMessage
    service: HistogramMessage
    errors: dict[str, int]
    warm_up_errors: dict[str, int]
    intervals: tuple[IntervalMessage, ...]
    requests: int
    warm_up: int
    scheduled: int
    late: int
    max_late_ns: int
    behind: int
    censored: int
    dropped: int
    connects: int
    reconnects: int
    bytes_received: int
    started_ns: int
    wall_ns: int
    engine_ns: int
    cpu_ns: int
    spun_ns: int
    drained: int = 0
    carried_over: int = 0


_SUMMED = (
    "requests",
    "drained",
    "carried_over",
    "warm_up",
    "scheduled",
    "late",
    "behind",
    "censored",
    "dropped",
    "connects",
    "reconnects",
    "bytes_received",
    "engine_ns",
    "cpu_ns",
    "spun_ns",
)
_OTHER = ("max_late_ns", "started_ns", "wall_ns")


def _packed(histogram: LatencyHistogram) -> HistogramMessage:
    return HistogramMessage(counts=histogram.encoded(), out_of_range=histogram.out_of_range)


def _unpacked(message: HistogramMessage) -> LatencyHistogram:
    found = LatencyHistogram.from_encoded(message.counts)
    found.out_of_range += message.out_of_range
    return found
