"""A run's result: what is printed, and the files of `--out`.

`locust.json` is a `LocustResult`; `response.hlog` and `service.hlog` hold a line per second, `response.hgrm` and
`service.hgrm` the whole run. A run of a saturated generator is never said to be the target's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.histograms import hgrm, hlog
from harness.histograms.histogram import HIGHEST_NS, LatencyHistogram
from harness.locust_results import Counts, FiguresOf, LocustResult, WorkerResult
from harness.results import write_text
from loadgen.engine import Tally, verdict
from loadgen.swarm import order as orders
from loadgen.swarm.order import LoadOrder
from loadgen.swarm.reports import Collector

if TYPE_CHECKING:  # the files can be read without gevent, which starting a target takes
    from loadgen.swarm.target import Target

RESULT_FILE = "locust.json"

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999, "max": 1.0}


def of(order: LoadOrder, collector: Collector, target: Target) -> LocustResult:
    """The result of what arrived, whole or not."""
    whole, plan = collector.whole(), orders.plan(order, worker=0)
    workers = []
    for number, share in enumerate(collector.shares.values()):
        saturation = verdict(_of_one_process(share.tally), plan)
        workers.append(
            WorkerResult(
                worker=number,
                counts=_counts(share.tally),
                saturated=saturation.saturated,
                generator=saturation.words,
                final=share.final,
            )
        )
    saturated = any(each.saturated for each in workers)
    answered = FiguresOf.GENERATOR if saturated else FiguresOf.TARGET
    return LocustResult(
        complete=not collector.why_incomplete(),
        why_incomplete=collector.why_incomplete(),
        figures_of=answered if whole.requests else FiguresOf.NOBODY,
        generator=tuple(dict.fromkeys(each.generator for each in workers if each.saturated or not saturated)),
        scenario=order.scenario,
        url=order.url,
        runtime=target.runtime,
        version=target.version,
        arrivals=order.arrivals or "closed loop",
        planned=plan.arrivals.total() if plan.arrivals is not None else None,
        connections=order.connections,
        started=_utc(whole.started_ns) if whole.wall_ns > 0 else "",
        duration_s=round(max(0, whole.wall_ns) / 1e9, 6),
        rate_rps=round(whole.rate_rps, 3),
        counts=_counts(whole),
        response_ns=percentiles(whole.response),
        service_ns=percentiles(whole.service),
        workers=tuple(workers),
    )


def _of_one_process(tally: Tally) -> Tally:
    """The engines of a process have one core between them, as Python runs one thread at a time: four at once, each a
    quarter of its time at work, are at their limit. So their work is a share of the time that went by.
    """
    return replace(tally, engine_ns=min(tally.engine_ns, tally.wall_ns))


def percentiles(histogram: LatencyHistogram) -> dict[str, int]:
    """By name, in nanoseconds, of all values. One that lies past the histogram's range is not known, and left out."""
    known = len(histogram)
    if not known:
        return {}
    stretch = (known + histogram.out_of_range) / known
    # The largest of the known values stands at 1; the margin is for a product that should be 1.
    fractions = {name: min(1.0, each * stretch) for name, each in PERCENTILES.items() if each * stretch <= 1 + 1e-12}
    return dict(zip(fractions, histogram.values_at(fractions.values()), strict=True))


def write(folder: Path, result: LocustResult, collector: Collector) -> None:
    """The raw files first, then `locust.json`. Raises `ReportFileError` for a folder that cannot be written to."""
    whole, intervals = collector.whole(), collector.intervals.intervals()
    started_ns = min((each.start_ns for each in intervals), default=whole.started_ns)
    histograms = {"response": whole.response, "service": whole.service}
    for kind, histogram in histograms.items():
        lines = [
            hlog.Interval(
                start_s=(each.start_ns - started_ns) / 1e9,
                length_s=(each.end_ns - each.start_ns) / 1e9,
                histogram=each.response if kind == "response" else each.service,
            )
            for each in intervals
        ]
        write_text(folder / f"{kind}.hlog", hlog.render(kind, lines, started_epoch_s=started_ns / 1e9))
        write_text(folder / f"{kind}.hgrm", hgrm.render(histogram))
    write_text(folder / RESULT_FILE, msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")


def text(result: LocustResult) -> str:
    """What is printed at the end of every run, verdicts included."""
    counts = result.counts
    failed = sum(counts.errors.values())
    measured = f"{result.runtime} {result.version}" if result.runtime else result.url
    lines = [
        f"{result.scenario} on {measured}, {result.arrivals}",
        f"  {counts.requests} right, {failed} failed{_listed(counts.errors)}, {counts.warm_up} in the warm-up, "
        f"{result.rate_rps:.1f}/s over {result.duration_s:.2f} s",
        f"  due {counts.scheduled}{'' if result.planned is None else f' of {result.planned} planned'}, "
        f"late {counts.late}, censored {counts.censored}, dropped {counts.dropped}",
    ]
    for name, times in (("response", result.response_ns), ("service", result.service_ns)):
        if times:
            figures = "  ".join(f"{each} {value / 1e6:.3f}" for each, value in times.items())
            lines.append(f"  {name} ms: {figures}")
    if counts.out_of_range:
        lines.append(
            f"  {counts.out_of_range} right answers came more than {HIGHEST_NS / 1e9:g} s after they were due: "
            "past the histograms' range, and where a percentile would be one of them, it is left out"
        )
    lines += [f"  {words}" for words in result.generator]
    if result.figures_of is not FiguresOf.TARGET:
        lines.append(f"  NOT THE TARGET'S FIGURES: they are {_WHOSE[result.figures_of]}")
    if not result.complete:
        lines.append(f"  INCOMPLETE: {result.why_incomplete}")
    return "\n".join(lines)


_WHOSE = {
    FiguresOf.GENERATOR: "the generator's, which was saturated",
    FiguresOf.NOBODY: "nobody's, as no answer was right",
}


def _utc(epoch_ns: int) -> str:
    return datetime.fromtimestamp(epoch_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def _listed(errors: Mapping[str, int]) -> str:
    found = ", ".join(f"{name} {count}" for name, count in sorted(errors.items()))
    return f" ({found})" if found else ""


def _counts(tally: Tally) -> Counts:
    others: dict[str, Any] = {
        "errors": dict(tally.errors),
        "warm_up_errors": dict(tally.warm_up_errors),
        "out_of_range": tally.response.out_of_range,
    }
    return Counts(**{name: getattr(tally, name) for name in Counts.__struct_fields__ if name not in others}, **others)
