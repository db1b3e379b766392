"""The files of invented measurements: load.json, the histogram logs beside it, and the journal's lines of all of them.

Every figure in a load.json is computed from the samples in its logs, as the load generator does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

import msgspec

from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.load_results import LoadCell, LoadDerived, LoadFigures, LoadReport, Pinning, TooFewLaunches
from harness.results import RunIdentity
from tests.sample_load import HOPS, WAYS, Cell, Measured

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
PINNING = Pinning(
    generator_cpus=(1,),
    target_cpus=(0,),
    apart=True,
    words="generator on CPU 1, all threads of the runtime on CPU 0",
)


def journal_line(subject: Measured, scenario: str, made: Sequence[Cell], launch: int) -> dict[str, Any]:
    """The journal's line of a launch, counted from 0, of which each mode had one turn."""
    return {
        "kind": "launch",
        "scenario": scenario,
        "subject": subject.slug,
        "number": launch + 1,
        "start_s": 10.0 * launch,
        "length_s": 1.0,
        "order": [_order(made, launch)],
        "cells": {
            each.mode: {"refused": each.not_timed, "turns": [_turn(each, launch)] if each.samples_ns else []}
            for each in made
        },
    }


def _order(made: Sequence[Cell], launch: int) -> str:
    return f"launch {launch + 1} round 1: {' '.join(each.mode for each in made)}"


def _turn(made: Cell, launch: int) -> dict[str, Any]:
    samples = made.samples_ns[launch]
    counts = {"counts": LatencyHistogram(samples).encoded(), "out_of_range": 0}
    errors = made.errors if launch == 0 else {}
    nothing = ("warm_up", "late", "behind", "censored", "dropped")
    return {
        "start_s": 10.0 * launch,
        "length_s": 1.0,
        "tally": {
            "response": counts,
            "service": counts,
            "requests": len(samples),
            "scheduled": len(samples) + sum(errors.values()),
            "errors": errors,
            "warm_up_errors": {},
            "wall_ns": _wall_ns(made, launch),
            **dict.fromkeys(nothing, 0),
        },
        "saturated": made.saturated,
        "observed": {name: values[launch] for name, values in made.observed.items()},
    }


def _wall_ns(made: Cell, launch: int) -> int:
    """How long the load of a launch took, as its loop sends it."""
    samples = made.samples_ns[launch]
    return round(len(samples) * 1e9 / made.rate_rps if made.rate_rps else sum(samples) / made.connections)


def load_files(
    subject: Measured,
    measured: Mapping[str, Sequence[Cell]],
    *,
    run: RunIdentity,
    environment: Mapping[str, object],
    launches: int,
    why_incomplete: str,
) -> Iterator[tuple[str, str]]:
    """(path below the folder of the load, text) of every file of that subject."""
    started_s = datetime.fromisoformat(run.started).timestamp()
    for scenario, made in measured.items():
        cells = tuple(_cell(scenario, each) for each in made)
        report = LoadReport(
            complete=not why_incomplete,
            why_incomplete=why_incomplete,
            scenario=scenario,
            about=f"what {subject.name} does in {scenario}",
            run=run,
            runtime=subject.runtime,
            environment=dict(environment),
            pinning=PINNING,
            launches=launches,
            order=tuple(_order(made, launch) for launch in range(launches)),
            warnings=(
                (
                    TooFewLaunches(
                        words=f"too few launches for a verdict: {launches}, where 10 are needed",
                        launches=launches,
                        needed=10,
                    ),
                )
                if launches < 10
                else ()
            ),
            cells=cells,
            derived=tuple(_hops(subject, cells)) if scenario == "chain" else (),
        )
        folder = f"{scenario}/{subject.slug}"
        yield f"{folder}/load.json", msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"
        for each in made:
            if not each.not_timed:
                yield f"{folder}/{scenario}-{each.mode}.hlog", _log(scenario, each, started_s)


def _cell(scenario: str, made: Cell) -> LoadCell:
    count = sum(map(len, made.samples_ns))
    figures = _figures(made) if count else None
    return LoadCell(
        scenario=scenario,
        mode=made.mode,
        title=made.title,
        what="From the first byte sent to the last byte of the answer",
        verified="status 200 and the exact text",
        loop="closed" if made.rate_rps is None else "open",
        connections=made.connections,
        rate_rps=made.rate_rps,
        point=made.point,
        turns=len(made.samples_ns),
        count=count,
        scheduled=count + sum(made.errors.values()),
        errors=made.errors,
        saturated=made.saturated,
        saturation="it sent 3.70% of the requests more than 1 ms late with a connection free" if made.saturated else "",
        not_timed=made.not_timed,
        figures=None if made.saturated else figures,
        generator_figures=figures if made.saturated else None,
        observed=made.observed,
        files=(f"{scenario}-{made.mode}.hlog",) if count else (),
    )


def _figures(made: Cell) -> LoadFigures:
    launches = [LatencyHistogram(samples) for samples in made.samples_ns]
    whole = LatencyHistogram.merged(launches)
    percentiles = dict(zip(PERCENTILES, whole.values_at(PERCENTILES.values()), strict=True))
    counts, walls_ns = list(map(len, launches)), [_wall_ns(made, launch) for launch in range(len(launches))]
    rates = tuple(round(count * 1e9 / wall_ns, 3) for count, wall_ns in zip(counts, walls_ns, strict=True))
    return LoadFigures(
        response_ns=percentiles,
        service_ns=percentiles,
        throughput_rps=round(sum(counts) * 1e9 / sum(walls_ns), 3),
        per_launch_p50_ns=tuple(each.value_at(0.5) for each in launches),
        per_launch_p99_ns=tuple(each.value_at(0.99) for each in launches),
        per_launch_throughput_rps=rates,
        curve_ns=whole.curve(200),
    )


def _log(scenario: str, made: Cell, started_s: float) -> str:
    tag = f"{scenario}/{made.mode}"
    intervals = [
        hlog.Interval(start_s=10.0 * launch, length_s=1.0, histogram=LatencyHistogram(samples))
        for launch, samples in enumerate(made.samples_ns)
    ]
    tags = (tag,) if made.rate_rps is None else (f"{tag}/response", f"{tag}/service")
    return hlog.render_series(dict.fromkeys(tags, intervals), started_epoch_s=started_s)


def _hops(subject: Measured, cells: Sequence[LoadCell]) -> Iterable[LoadDerived]:
    by_mode = {cell.mode: cell.figures.per_launch_p50_ns for cell in cells if cell.figures}
    for way, title in WAYS.items():
        few, many = by_mode.get(f"{way}-{HOPS[0]}"), by_mode.get(f"{way}-{HOPS[-1]}")
        if few and many:
            steps = HOPS[-1] - HOPS[0]
            each = tuple(round((more - less) / steps / 1e3, 4) for less, more in zip(few, many, strict=True))
            yield LoadDerived(
                name=f"{way}-hop",
                title=f"one hop: {title}",
                how=f"median time of {HOPS[-1]} hops less that of {HOPS[0]}, over {steps}",
                unit="us",
                per_launch=each,
                median=round(median(each), 4),
            )
