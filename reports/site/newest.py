"""The newest comparison on the front page: its headline figures, and one plot each of four sections of its page."""

from __future__ import annotations

from dataclasses import dataclass

from reports.comparison_page import answer, cold, concurrency, density, material, warm
from reports.comparison_page.answer import Headline
from reports.comparison_page.layout import Plot
from reports.site.nights import Night

_SECTIONS = (cold.section, warm.section, concurrency.section, density.section)


@dataclass(frozen=True, kw_only=True)
class NamedPlot:
    """`anchor`: of its section, on the comparison's own page."""

    name: str
    anchor: str
    plot: Plot


@dataclass(frozen=True, kw_only=True)
class Newest:
    headlines: tuple[Headline, ...]
    plots: tuple[NamedPlot, ...]
    noise: str
    baseline_missing: str
    incomplete: str


def newest(night: Night) -> Newest:
    """What is shown of that night; figures and plots that it does not have are left out."""
    report = night.bundle.comparison
    found = material.read(night.bundle.folder, report)
    plots = []
    for section in _SECTIONS:
        made = section(found)
        drawn = next((plot for group in made.groups for plot in group.plots if plot.svg), None)
        if drawn:
            plots.append(NamedPlot(name=made.name, anchor=made.anchor, plot=drawn))
    return Newest(
        headlines=answer.headlines(found),
        plots=tuple(plots),
        noise=report.noise.words or "The noise of this machine was not measured.",
        baseline_missing=report.baseline_missing,
        incomplete="" if report.complete else report.why_incomplete or "the run was cut short",
    )
