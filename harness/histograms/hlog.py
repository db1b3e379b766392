"""Histogram logs (.hlog) as the HdrHistogram tools write and read them: interval lines of one or several tags.

Source: HistogramLogReader's JavaDoc, format 1.3. hdrhistogram's own writer raises on the start time, cuts Interval_Max
to whole units and knows no tags.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.errors import ReportFileError
from harness.histograms.histogram import LatencyHistogram

NS_PER_MS = 1_000_000

_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'

_TIME = re.compile(r"#\[(StartTime|BaseTime): ([\d.]+)")
_YEAR_S = 365 * 86_400
"""Timestamps further than this before the log's start are offsets and no dates: the tools' own rule."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """When it was measured, in seconds since the log's start, for how long, and what came of it."""

    start_s: float
    length_s: float
    histogram: LatencyHistogram


def render(tag: str, intervals: Iterable[Interval], *, started_epoch_s: float) -> str:
    """A log of one series; see `render_series`."""
    return render_series({tag: intervals}, started_epoch_s=started_epoch_s)


def render_series(series: Mapping[str, Iterable[Interval]], *, started_epoch_s: float) -> str:
    """The whole log: the intervals of all tags in the order of their starts; empty ones are left out.

    A tag names a series and holds no comma, space or line break; the empty tag is a series without one. Raises
    `ValueError` for another.
    """
    for tag in series:
        if any(char in ", \r\n" for char in tag):
            raise ValueError(f"{tag!r} cannot be a tag")
    moment = datetime.fromtimestamp(started_epoch_s, UTC)
    head = [
        "#[Logged by isomark. Values in nanoseconds, Interval_Max in milliseconds]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {started_epoch_s:.3f} (seconds since epoch), {moment:%a %b %d %H:%M:%S} UTC {moment:%Y}]",
        f"#[BaseTime: {started_epoch_s:.3f} (seconds since epoch)]",
        f"#[MaxValueDivisor: {NS_PER_MS:.3f}]",
        _LEGEND,
    ]
    taken = [(each.start_s, tag, each) for tag, intervals in series.items() for each in intervals if each.histogram]
    lines = [_line(tag, each) for _, tag, each in sorted(taken, key=lambda one: one[:2])]
    return "\n".join([*head, *lines, ""])


def read(text: str) -> dict[str, list[Interval]]:
    """The intervals of each tag, in the order of the log; those without a tag stand under "".

    Start times come back as seconds since the log's start, whether the log has offsets or dates. Raises
    `ReportFileError` with the number of the line for what is no interval line, for a damaged histogram and for one
    with another unit or precision; and for text that is no histogram log at all.
    """
    times: dict[str, float] = {}
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    log_like = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.rstrip("\r")
        if stripped.startswith(("#", '"StartTimestamp"')):
            log_like = True
            if time := _TIME.match(stripped):
                times[time[1]] = _number(time[2], f"line {number}: {time[1]}")
        elif stripped:
            tag, interval = _parsed(stripped, number)
            start_s = _since_start(interval.start_s, times)
            found[tag].append(Interval(start_s=start_s, length_s=interval.length_s, histogram=interval.histogram))
    if not found and not log_like:
        raise ReportFileError("the text is no histogram log", expected="lines as HdrHistogram's log writer makes them")
    return dict(found)


def merged(series: Iterable[Iterable[Interval]], *, every_s: float) -> list[Interval]:
    """One series from several that ran beside each other, such as those of workers: exact sums, in order.

    Intervals that start within the same `every_s` of the log become one, which lasts from the first start to the last
    end. With `every_s` infinite all become one.
    """
    if not every_s > 0:
        raise ValueError(f"intervals of {every_s} s cannot be")
    together: defaultdict[int, list[Interval]] = defaultdict(list)
    for intervals in series:
        for each in intervals:
            # A millisecond is the resolution of a log: 2.9999999 s is the start of the third second.
            together[math.floor((each.start_s + 5e-4) / every_s)].append(each)
    return [_one(parts) for _, parts in sorted(together.items())]


def _one(parts: list[Interval]) -> Interval:
    start_s = min(each.start_s for each in parts)
    end_s = max(each.start_s + each.length_s for each in parts)
    whole = LatencyHistogram.merged(each.histogram for each in parts)
    return Interval(start_s=start_s, length_s=end_s - start_s, histogram=whole)


def _line(tag: str, interval: Interval) -> str:
    highest_ms = interval.histogram.value_at(1) / NS_PER_MS
    times = f"{interval.start_s:.3f},{interval.length_s:.3f},{highest_ms:.6f}"
    return f"{f'Tag={tag},' if tag else ''}{times},{interval.histogram.encoded()}"


def _parsed(line: str, number: int) -> tuple[str, Interval]:
    tag = ""
    if line.startswith("Tag="):
        name, _, line = line.partition(",")
        tag = name.removeprefix("Tag=")
    fields = line.split(",")
    where = f"line {number} of the histogram log"
    if len(fields) != 4:
        raise ReportFileError(
            f"{where} has {len(fields)} field{'s' if len(fields) != 1 else ''}: {line[:40]!r}",
            expected="start, length, maximum and histogram, with `Tag=...,` before them or not",
        )
    start, length, highest = (_number(each, where) for each in fields[:3])
    if length < 0 or highest < 0:
        raise ReportFileError(f"{where} has a negative length or maximum", expected="numbers of at least 0")
    try:
        histogram = LatencyHistogram.from_encoded(fields[3])
    except ValueError as error:
        raise ReportFileError(
            f"{where} holds a histogram that cannot be read: {error}",
            expected="a compressed V2 histogram in nanoseconds with three digits",
            remedy="the file is damaged or of another tool: take the one that isomark wrote",
        ) from error
    return tag, Interval(start_s=start, length_s=length, histogram=histogram)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ReportFileError(f"{where} has {text[:40]!r} for a number", expected="seconds as a decimal number")
    return value


def _since_start(timestamp_s: float, times: dict[str, float]) -> float:
    """HistogramLogReader's rule: without a start the first time is it; without a base, small numbers are offsets."""
    started = times.setdefault("StartTime", times.get("BaseTime", timestamp_s))
    is_offset = timestamp_s < started - _YEAR_S
    base = times.setdefault("BaseTime", started if is_offset else 0.0)
    return round(timestamp_s + base - started, 6)
