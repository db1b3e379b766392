"""The latencies of a run by time, in little memory however long it runs: for the lines of a histogram log."""

from __future__ import annotations

from dataclasses import dataclass

from harness.histograms.histogram import LatencyHistogram
from loadgen.engine import Interval

MOST_LINES = 1_200
"""Then neighbours are joined, two by two: 20 minutes have a line per second, 40 minutes one per two seconds."""

_OPEN_LINES = 8
"""Lines of late, which reports still add to; older ones are kept packed."""


@dataclass(kw_only=True)
class _Line:
    start_ns: int
    end_ns: int
    response: LatencyHistogram | str
    service: LatencyHistogram | str


class IntervalLog:
    """Sums the intervals of all engines and workers that began in the same second of the clock."""

    def __init__(self) -> None:
        self._width_ns = 1_000_000_000
        self._lines: dict[int, _Line] = {}

    def add(self, interval: Interval) -> None:
        """Count it in. The interval itself is left alone."""
        self._add(interval.start_ns, interval.end_ns, interval.response, interval.service)
        if len(self._lines) > MOST_LINES:
            self._width_ns *= 2
            lines, self._lines = self._lines, {}
            for line in lines.values():
                self._add(line.start_ns, line.end_ns, _open(line.response), _open(line.service))
        self._pack_old()

    def intervals(self) -> list[Interval]:
        """In the order of their starts."""
        return [
            Interval(
                start_ns=line.start_ns, end_ns=line.end_ns, response=_open(line.response), service=_open(line.service)
            )
            for _, line in sorted(self._lines.items())
        ]

    def _add(self, start_ns: int, end_ns: int, response: LatencyHistogram, service: LatencyHistogram) -> None:
        key = start_ns // self._width_ns
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(
                start_ns=start_ns, end_ns=end_ns, response=LatencyHistogram(), service=LatencyHistogram()
            )
        line.start_ns, line.end_ns = min(line.start_ns, start_ns), max(line.end_ns, end_ns)
        line.response, line.service = _sum(line.response, response), _sum(line.service, service)

    def _pack_old(self) -> None:
        for key in sorted(self._lines)[:-_OPEN_LINES]:
            line = self._lines[key]
            if isinstance(line.response, LatencyHistogram):
                line.response = line.response.encoded()
            if isinstance(line.service, LatencyHistogram):
                line.service = line.service.encoded()


def _open(histogram: LatencyHistogram | str) -> LatencyHistogram:
    return LatencyHistogram.from_encoded(histogram) if isinstance(histogram, str) else histogram


def _sum(one: LatencyHistogram | str, other: LatencyHistogram) -> LatencyHistogram:
    whole = _open(one)
    whole.add(other)
    return whole
