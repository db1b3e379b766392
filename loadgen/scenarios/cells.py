"""From the record of a run to the cells of load.json and the raw files beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.histograms import hgrm, hlog
from harness.histograms.histogram import LatencyHistogram
from harness.load_results import LoadCell, LoadFigures
from loadgen.cost import CURVE_POINTS, PERCENTILES
from loadgen.scenarios.model import OPEN, CellPlan
from loadgen.scenarios.record import CellRecord, Entry, Record, rate_rps, response, service


def cell(scenario: str, plan: CellPlan, record: Record) -> tuple[LoadCell, dict[str, str]]:
    """A cell and its raw files, by name."""
    kept = record.cells[plan.mode]
    files = _files(scenario, plan, kept, record.started_epoch_s) if kept.timed else {}
    figures = _figures(plan, kept) if kept.timed else None
    found = LoadCell(
        scenario=scenario,
        mode=plan.mode,
        title=plan.title,
        what=plan.what,
        verified=plan.verified,
        loop=plan.loop,
        connections=plan.connections,
        rate_rps=plan.rate_rps,
        point=plan.point,
        turns=len(kept.entries),
        count=kept.total("requests"),
        scheduled=kept.total("scheduled"),
        warm_up=kept.total("warm_up"),
        errors=dict(kept.counter("errors")),
        warm_up_errors=dict(kept.counter("warm_up_errors")),
        discarded=dict(sum((entry.taken.discarded for entry in kept.entries), Counter())),
        late=kept.total("late"),
        behind=kept.total("behind"),
        censored=kept.total("censored") + kept.total("dropped"),
        out_of_range=sum(entry.taken.tally.response.out_of_range for entry in kept.entries),
        saturated=kept.saturated,
        saturation=_saturation(kept),
        not_timed=_why_not(kept),
        figures=None if kept.saturated else figures,
        generator_figures=figures if kept.saturated else None,
        observed=kept.observed(),
        files=tuple(files),
    )
    return found, files


def _why_not(kept: CellRecord) -> str:
    if kept.refused or kept.timed:
        return kept.refused
    return kept.stopped or ("no answer was right and of its kind" if kept.entries else "the run ended before its turn")


def _saturation(kept: CellRecord) -> str:
    """The words of the turn that was worst for the generator."""
    worst = max(kept.entries, key=lambda entry: (entry.taken.saturated, entry.taken.tally.work_share), default=None)
    return "" if worst is None else worst.taken.saturation


def _figures(plan: CellPlan, kept: CellRecord) -> LoadFigures:
    launches = kept.launches()
    whole, sends = response(kept.entries), service(kept.entries)
    rate = rate_rps(kept.entries)
    by_launch = [response(part) for part in launches]
    return LoadFigures(
        response_ns=_percentiles(whole),
        service_ns=_percentiles(sends),
        throughput_rps=round(rate, 3),
        throughput_mb_s=None if plan.body_bytes is None else round(rate * plan.body_bytes / 1e6, 3),
        per_launch_p50_ns=tuple(each.value_at(0.5) for each in by_launch),
        per_launch_p99_ns=tuple(each.value_at(0.99) for each in by_launch),
        per_launch_throughput_rps=tuple(round(rate_rps(part), 3) for part in launches),
        curve_ns=whole.curve(CURVE_POINTS),
    )


def _percentiles(histogram: LatencyHistogram) -> dict[str, int]:
    return dict(zip(PERCENTILES, histogram.values_at(PERCENTILES.values()), strict=True))


def _files(scenario: str, plan: CellPlan, kept: CellRecord, started_epoch_s: float) -> dict[str, str]:
    """One log with a line per launch, of response and service where they differ, and distributions to plot."""
    tag, stem = f"{scenario}/{plan.mode}", f"{scenario}-{plan.mode}"
    launches = kept.launches()
    if plan.loop != OPEN:
        series = {tag: [_interval(part, response(part)) for part in launches]}
        distributions = {f"{stem}.hgrm": response(kept.entries)}
    else:
        series = {
            f"{tag}/response": [_interval(part, response(part)) for part in launches],
            f"{tag}/service": [_interval(part, service(part)) for part in launches],
        }
        distributions = {
            f"{stem}-response.hgrm": response(kept.entries),
            f"{stem}-service.hgrm": service(kept.entries),
        }
    return {
        f"{stem}.hlog": hlog.render_series(series, started_epoch_s=started_epoch_s),
        **{name: hgrm.render(histogram) for name, histogram in distributions.items()},
    }


def _interval(entries: Sequence[Entry], histogram: LatencyHistogram) -> hlog.Interval:
    start_s = min(entry.start_s for entry in entries)
    end_s = max(entry.start_s + entry.length_s for entry in entries)
    return hlog.Interval(start_s=start_s, length_s=end_s - start_s, histogram=histogram)
