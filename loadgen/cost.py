"""From measured launches to cost.json and the raw files beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.results import Cell, Derived
from loadgen import cells, pyperf_file
from loadgen.bench import LaunchRecord, Run
from loadgen.caveats import Caveat, NothingTimed, WrongAnswers
from loadgen.cells import FEW_CALLS, MANY_CALLS, CellName, CellText

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}

CURVE_POINTS, LAUNCH_CURVE_POINTS = 200, 60

OUT_OF_RANGE = "out of range"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The cells and derived figures of a run, the raw files by name, and what to be wary of."""

    cells: tuple[Cell, ...]
    derived: tuple[Derived, ...]
    files: Mapping[str, str]
    caveats: tuple[Caveat, ...]

    @property
    def nothing_timed(self) -> tuple[str, ...]:
        """Cells that were to be timed and have no sample, in spite of all launches."""
        return tuple(each.cell for each in self.caveats if isinstance(each, NothingTimed))


def figures(run: Run, texts: Mapping[CellName, CellText], versions: Mapping[str, str]) -> Figures:
    """Everything that can be told from the launches there are. `versions` go into pyperf's metadata."""
    found: list[Cell] = []
    files: dict[str, str] = {}
    caveats: list[Caveat] = []
    for name in run.plan.cells if run.launches else ():
        histograms = [LatencyHistogram(launch.cells[name].samples_ns) for launch in run.launches]
        errors, discarded = _counts(run.launches, name, histograms)
        if not any(histograms):
            caveats.append(NothingTimed(cell=str(name), reasons={**errors, **discarded}))
            continue
        if errors:
            caveats.append(WrongAnswers(cell=str(name), errors=errors))
        pyperf_name = f"{name.stem}.pyperf.json" if name in cells.COLD_STARTS else None
        cell = _cell(name, texts[name], histograms, errors=errors, discarded=discarded, pyperf=pyperf_name)
        found.append(cell)
        files[cell.hlog] = hlog.render(
            str(name),
            [
                hlog.Interval(start_s=launch.start_s, length_s=launch.length_s, histogram=histogram)
                for launch, histogram in zip(run.launches, histograms, strict=True)
            ],
            started_epoch_s=run.started_epoch_s,
        )
        if pyperf_name is not None:
            samples = [launch.cells[name].samples_ns for launch in run.launches]
            files[pyperf_name] = pyperf_file.render(str(name), samples, versions)
    return Figures(cells=tuple(found), derived=_derived(run), files=files, caveats=tuple(caveats))


def cost_of_a_call(few_ns: float, many_ns: float) -> float:
    """Nanoseconds per call, from the times of a request that makes few and one that makes many.

    Whatever both have in common, the request itself above all, cancels out.
    """
    return (many_ns - few_ns) / (MANY_CALLS - FEW_CALLS)


def _counts(
    launches: Sequence[LaunchRecord], name: CellName, histograms: Sequence[LatencyHistogram]
) -> tuple[dict[str, int], dict[str, int]]:
    errors: Counter[str] = Counter()
    discarded: Counter[str] = Counter()
    for launch, histogram in zip(launches, histograms, strict=True):
        errors.update(launch.cells[name].errors)
        discarded.update(launch.cells[name].discarded)
        if histogram.out_of_range:
            discarded[OUT_OF_RANGE] += histogram.out_of_range
    return dict(errors), dict(discarded)


def _cell(
    name: CellName,
    text: CellText,
    histograms: Sequence[LatencyHistogram],
    *,
    errors: dict[str, int],
    discarded: dict[str, int],
    pyperf: str | None,
) -> Cell:
    merged = LatencyHistogram()
    for each in histograms:
        merged.add(each)
    measured = [each for each in histograms if each]
    return Cell(
        scenario=name.scenario,
        mode=name.mode,
        title=text.title,
        what=text.what,
        verified=text.verified,
        count=len(merged),
        errors=errors,
        discarded=discarded,
        percentiles_ns=dict(zip(PERCENTILES, merged.values_at(PERCENTILES.values()), strict=True)),
        per_launch_p50_ns=tuple(each.value_at(0.5) for each in measured),
        curve_ns=merged.curve(CURVE_POINTS),
        per_launch_curves_ns=tuple(each.curve(LAUNCH_CURVE_POINTS) for each in measured),
        hlog=f"{name.stem}.hlog",
        pyperf=pyperf,
    )


def _derived(run: Run) -> tuple[Derived, ...]:
    found = []
    for way in run.plan.ways:
        per_launch = []
        for launch in run.launches:
            few, many = (LatencyHistogram(launch.cells[way.cell(n)].samples_ns) for n in (FEW_CALLS, MANY_CALLS))
            if few and many:
                per_launch.append(cost_of_a_call(few.value_at(0.5), many.value_at(0.5)))
        if per_launch:
            found.append(
                Derived(
                    name=way.derived,
                    title=f"One call: {way.title}",
                    how=f"Median of {way.cell(MANY_CALLS).mode} minus median of {way.cell(FEW_CALLS).mode}, "
                    f"over {MANY_CALLS - FEW_CALLS} calls, launch by launch; the median over launches.",
                    per_launch_ns=tuple(per_launch),
                    median_ns=median(per_launch),
                )
            )
    return tuple(found)
