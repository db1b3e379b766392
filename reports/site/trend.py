"""The key figures from night to night. Nights are joined by a line only where their circumstances were the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.comparison_results import Role, Series
from reports.comparison import same_environment
from reports.key_figures import KEY_FIGURES, NS_PER, KeyFigure, interval_of, key_figures, value_in
from reports.plot_frame import Style
from reports.site.nights import Night, Published
from reports.site.trend_plot import Line, Point, nights_plot

NO_VALUE = ""


@dataclass(frozen=True, kw_only=True)
class Value:
    """A figure of one night in words; `key` is the bare number. All empty where the night has none."""

    text: str = NO_VALUE
    interval: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class NightLine:
    """A row of a figure's table. `setting`: which of the circumstances seen so far were its own, counted from 1."""

    name: str
    setting: int
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One key figure: its plot as SVG, and the table behind it, newest night first."""

    name: str
    title: str
    note: str
    unit: str
    plot: str
    subjects: tuple[str, ...]
    nights: tuple[NightLine, ...]


def trends(published: Published) -> tuple[Trend, ...]:
    """The key figures that any night measured, in order; the same nights give the same drawings."""
    found = {night.name: _figures(night) for night in published.nights}
    settings = setting_numbers(published.nights)
    return tuple(
        _trend(figure, published.nights, found, settings)
        for figure in KEY_FIGURES
        if any(figure.name in each for subjects in found.values() for each in subjects.values())
    )


def setting_numbers(nights: Sequence[Night]) -> dict[str, int]:
    """For each night, by name, which of the circumstances seen so far were its own, counted from 1.

    Machine, profile, and what stands beside the runtimes: only under the same may figures be held against each other.
    """
    seen: list[Night] = []
    numbers: dict[str, int] = {}
    for night in nights:
        mine = night.bundle.comparison
        known = (place for place, each in enumerate(seen) if same_environment(each.bundle.comparison, mine))
        place = next(known, len(seen))
        if place == len(seen):
            seen.append(night)
        numbers[night.name] = place + 1
    return numbers


def _figures(night: Night) -> dict[str, dict[str, Series]]:
    report = night.bundle.comparison
    return {each.name: key_figures(report, each.name) for each in report.subjects if each.role is not Role.REPEAT}


def _trend(
    figure: KeyFigure,
    nights: Sequence[Night],
    found: dict[str, dict[str, dict[str, Series]]],
    settings: dict[str, int],
) -> Trend:
    newest_first = [name for night in reversed(nights) for name in found[night.name]]
    subjects = [
        each
        for each in dict.fromkeys(newest_first)
        if any(figure.name in figures.get(each, {}) for figures in found.values())
    ]
    styles = _styles(nights)
    lines = []
    for subject in subjects:
        points = tuple(_points(figure, subject, nights, found, settings))
        lines.append(Line(label=subject, style=styles[subject], points=points))
    return Trend(
        name=figure.name,
        title=figure.title,
        note=figure.note,
        unit=_unit(lines),
        plot=nights_plot(lines, prefix=f"trend-{figure.name}", title=f"{figure.title}, night by night"),
        subjects=tuple(subjects),
        nights=tuple(
            NightLine(
                name=night.name,
                setting=settings[night.name],
                values=tuple(_value(found[night.name].get(each, {}).get(figure.name)) for each in subjects),
            )
            for night in reversed(nights)
        ),
    )


def _styles(nights: Sequence[Night]) -> dict[str, Style]:
    """A style for each subject by its role, the same in every plot. Orange is the container's and grey the floor's."""
    others = {Role.BASELINE: Style(colour=1, dash=1), Role.FLOOR: Style(colour=5, dash=2)}
    runtimes = [Style(colour=0, dash=0), Style(colour=2, dash=3), Style(colour=3, dash=4), Style(colour=4, dash=5)]
    found: dict[str, Style] = {}
    count = 0
    for night in reversed(nights):
        for subject in night.bundle.comparison.subjects:
            if subject.name in found:
                continue
            found[subject.name] = others.get(subject.role) or runtimes[count % len(runtimes)]
            count += subject.role is Role.RUNTIME
    return found


def _points(
    figure: KeyFigure,
    subject: str,
    nights: Sequence[Night],
    found: dict[str, dict[str, dict[str, Series]]],
    settings: dict[str, int],
) -> Iterator[Point]:
    for number, night in enumerate(nights):
        series = found[night.name].get(subject, {}).get(figure.name)
        if series and series.center is not None:
            yield Point(
                night=number,
                when=night.started,
                setting=settings[night.name],
                unit=series.unit,
                value=series.center,
                low=series.low,
                high=series.high,
            )


def _unit(lines: Sequence[Line]) -> str:
    """The unit of a plot whose axis has bare numbers; times carry theirs themselves."""
    units = {point.unit for line in lines for point in line.points}
    return "" if units <= NS_PER.keys() else ", ".join(sorted(units))


def _value(series: Series | None) -> Value:
    if series is None or series.center is None:
        return Value()
    return Value(
        text=value_in(series.center, series.unit), interval=interval_of(series), key=format(series.center, ".6g")
    )
