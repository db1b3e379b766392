"""Figures as people read them: a number, a unit, and no more digits than the figure deserves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.rows import Measure

_NS_PER_UNIT = (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1))
_DECIMALS = {"s": 2, "ms": 2, "µs": 1, "ns": 0}


@dataclass(frozen=True, kw_only=True)
class TimeUnit:
    """One unit and one precision for a whole table, so that its columns can be compared at a glance."""

    name: str
    ns: int
    decimals: int

    def text(self, duration_ns: float) -> str:
        return f"{duration_ns / self.ns:,.{self.decimals}f}"


def unit_for(durations_ns: list[int]) -> TimeUnit:
    """A unit in which the middle one of these is at least 1, with digits enough for the smallest; else milliseconds."""
    found = sorted(each for each in durations_ns if each > 0) or [1_000_000]
    name, ns = next(pair for pair in _NS_PER_UNIT if found[len(found) // 2] >= pair[1])
    return TimeUnit(name=name, ns=ns, decimals=_DECIMALS[name] + (1 if found[0] < ns else 0))


def duration(duration_ns: float) -> str:
    """A duration in its natural unit with three significant digits: 33.1 µs, 3.90 ms, 1.24 s."""
    for name, ns in _NS_PER_UNIT:
        # 999.6 us rounds to 1,000 us; it reads better as 1.00 ms.
        if abs(duration_ns) >= ns * 0.9995:
            return f"{significant(duration_ns / ns)} {name}"
    return f"{significant(duration_ns)} ns"


def tick(duration_ns: float) -> str:
    """A round duration for an axis: 5 ms, not 5.00 ms."""
    for name, ns in _NS_PER_UNIT:
        if duration_ns >= ns * 0.9995:
            return f"{duration_ns / ns:,.6g} {name}"
    return f"{duration_ns:.3g} ns"


def spread(durations_ns: tuple[float, ...]) -> str:
    """From the smallest to the largest, the unit written once when both share it: "3.71 to 4.40 ms"."""
    low, high = duration(min(durations_ns)), duration(max(durations_ns))
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if unit == high.partition(" ")[2] else f"{low} to {high}"


def significant(value: float) -> str:
    """Three significant digits below a thousand, whole numbers with thousands separators above."""
    if value == 0:
        return "0"
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:,.{decimals}f}"


def measured(figure: Measure) -> str:
    """A measure with its unit; a bracket as "between 126 and 131 MiB", an open one as "above" or "below"."""
    unit = f" {figure.unit}" if figure.unit else ""
    parts = []
    if figure.value is not None:
        parts.append(f"{exact(figure.value)}{unit}")
    if figure.low is not None and figure.high is not None:
        parts.append(f"between {exact(figure.low)} and {exact(figure.high)}{unit}")
    elif figure.low is not None:
        parts.append(f"above {exact(figure.low)}{unit}")
    elif figure.high is not None:
        parts.append(f"below {exact(figure.high)}{unit}")
    return ", ".join(parts) or "nothing measured"


def exact(value: float) -> str:
    """A measured number: whole when it is whole, else four significant digits."""
    if value == int(value) if abs(value) < 1e15 else False:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"


def moment(iso: str) -> str:
    """An ISO 8601 time as "2026-11-23 18:04 UTC"; text that is no time is shown as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when.strftime("%Y-%m-%d %H:%M UTC")


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 launch", "3 launches"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
