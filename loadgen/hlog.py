"""Histogram logs (.hlog) as the HdrHistogram tools read them: one interval line per launch.

Source: HistogramLogReader's JavaDoc, format 1.3. hdrhistogram's own writer raises on the start time, cuts Interval_Max
to whole units and knows no tags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from loadgen.histogram import LatencyHistogram

NS_PER_MS = 1_000_000

_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


@dataclass(frozen=True, kw_only=True)
class Interval:
    """One launch: when it was measured, in seconds since the log's start, for how long, and what came of it."""

    start_s: float
    length_s: float
    histogram: LatencyHistogram


def render(tag: str, intervals: Iterable[Interval], *, started_epoch_s: float) -> str:
    """The whole log. `tag` names the series and holds no comma, space or line break; empty intervals are left out."""
    if any(char in ", \r\n" for char in tag):
        raise ValueError(f"{tag!r} cannot be a tag")
    moment = datetime.fromtimestamp(started_epoch_s, UTC)
    lines = [
        "#[Logged by isomark. Values in nanoseconds, Interval_Max in milliseconds, one interval per launch]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {started_epoch_s:.3f} (seconds since epoch), {moment:%a %b %d %H:%M:%S} UTC {moment:%Y}]",
        f"#[BaseTime: {started_epoch_s:.3f} (seconds since epoch)]",
        f"#[MaxValueDivisor: {NS_PER_MS:.3f}]",
        _LEGEND,
    ]
    lines += [_line(tag, each) for each in intervals if each.histogram]
    return "\n".join([*lines, ""])


def _line(tag: str, interval: Interval) -> str:
    highest_ms = interval.histogram.value_at(1) / NS_PER_MS
    return f"Tag={tag},{interval.start_s:.3f},{interval.length_s:.3f},{highest_ms:.6f},{interval.histogram.encoded()}"
