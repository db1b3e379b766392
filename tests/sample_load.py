"""Invented measurements of five subjects, shaped as real ones: load.json and the histogram logs beside it.

Every figure in a load.json is computed from the samples in its logs, as the load generator does it. The same arguments
give the same bytes, in any process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from statistics import fmean, median
from typing import Any

import msgspec

from harness.comparison_results import Role
from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from harness.load_results import LoadCell, LoadDerived, LoadFigures, LoadReport, Pinning, Point, TooFewLaunches
from harness.results import RunIdentity, RuntimeIdentity

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
PINNING = Pinning(
    generator_cpus=(1,),
    target_cpus=(0,),
    apart=True,
    words="generator on CPU 1, all threads of the runtime on CPU 0",
)
SCENARIOS = ("cold-start", "warm", "concurrency", "chain", "density", "bill")
CONNECTIONS, HOPS, ISOLATES, INSTANCES = (1, 10, 100, 1_000), (1, 4, 16, 32), (100, 500, 1_000), (1, 4, 8)
COMPUTING_MS, WAITS_MS = 4.0, (0, 50, 200)
BETWEEN_LAUNCHES, BETWEEN_CELLS = 0.02, 0.012


@dataclass(frozen=True, kw_only=True)
class Nature:
    """What a subject costs. `phases_ms`: create, start, boot, listen, first byte of its own process, where known.

    `most_rps`: answers of a handler that waits, per second at most; `accounts`: which of the bill's values it tells.
    """

    start_ms: float
    phases_ms: tuple[float, ...] = ()
    isolate_ms: float | None = None
    evicted_ms: float | None = None
    warm_us: float
    tail: float
    most_rps: float
    computing_ms: float
    hop_us: Mapping[str, float]
    instance_mb: float
    first_answer_ms: float
    accounts: tuple[str, ...] = ()


NATURES = {
    "reference": Nature(
        start_ms=253, isolate_ms=5.4, evicted_ms=5.1, warm_us=331, tail=0.25, most_rps=3_200, computing_ms=0.55,
        hop_us={"fetch": 543, "rpc": 476, "http": 756}, instance_mb=2.52, first_answer_ms=5.7,
        accounts=("cpu ms", "wall ms", "billed ms"),
    ),
    "workerd": Nature(
        start_ms=51, isolate_ms=3.9, warm_us=181, tail=0.42, most_rps=9_000, computing_ms=0.39,
        hop_us={"fetch": 41, "rpc": 33, "http": 129}, instance_mb=1.61, first_answer_ms=4.3,
    ),
    "container": Nature(
        start_ms=290, phases_ms=(11.0, 216.0, 47.0, 6.6, 9.4), warm_us=318, tail=0.5, most_rps=5_400,
        computing_ms=0.42, hop_us={"http": 412}, instance_mb=27.4, first_answer_ms=301,
        accounts=("cpu ms", "wall ms"),
    ),
    "node": Nature(
        start_ms=79, phases_ms=(0.4, 5.1, 58.0, 6.5, 9.0), warm_us=262, tail=0.45, most_rps=6_100,
        computing_ms=0.41, hop_us={"http": 360}, instance_mb=25.8, first_answer_ms=81, accounts=("cpu ms", "wall ms"),
    ),
}  # fmt: skip
PHASES = ("create", "start", "boot", "listen", "first byte")
WAYS = {"fetch": "service binding, fetch", "rpc": "service binding, RPC", "http": "HTTP over loopback"}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A subject as the load generator knows it. `nature` is a key of NATURES; `factor` multiplies its times."""

    name: str
    slug: str
    role: Role
    specification: str
    nature: str
    runtime: RuntimeIdentity
    factor: float = 1.0


@dataclass(kw_only=True)
class Cell:
    """A cell in the making. `samples_ns`: a list per launch."""

    mode: str
    title: str
    samples_ns: list[list[int]]
    connections: int = 1
    rate_rps: float | None = None
    point: Point | None = None
    observed: dict[str, tuple[float, ...]] = field(default_factory=dict)
    saturated: bool = False
    not_timed: str = ""
    errors: dict[str, int] = field(default_factory=dict)


class Chance:
    """Reproducible noise: a factor that all cells of a launch share, and one that each cell has for itself."""

    def __init__(self, seed: int, subject: Measured, launches: int) -> None:
        self._seed, self._subject, self.launches = seed, subject, launches

    def values(self, what: str, center: float) -> list[float]:
        """A value per launch around the center."""
        return [center * self._factor(what, launch) for launch in range(self.launches)]

    def samples_ns(self, what: str, median_ns: float, count: int, tail: float) -> list[list[int]]:
        """`count` latencies per launch: most near the median, a long tail."""
        shape = [_lopsided((place + 0.5) / count, tail) for place in range(count)]
        return [[int(center * each) for each in shape] for center in self.values(what, median_ns)]

    def _factor(self, what: str, launch: int) -> float:
        own = Random(f"{self._seed}/{self._subject.name}/{launch}/{what}").gauss(0, BETWEEN_CELLS)  # noqa: S311
        shared = Random(f"{self._seed}/{self._subject.name}/{launch}").gauss(0, BETWEEN_LAUNCHES)  # noqa: S311
        return math.exp(own + shared)


def cells_of(subject: Measured, *, seed: int, launches: int) -> dict[str, list[Cell]]:
    """What was measured of it, by scenario."""
    chance = Chance(seed, subject, launches)
    return {scenario: list(_CELLS[scenario](subject, NATURES[subject.nature], chance)) for scenario in SCENARIOS}


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


def _cold_start(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    for mode, duration_ms, count, title in (
        ("isolate", nature.isolate_ms, 20, "isolate"),
        ("code-cache", nature.evicted_ms, 6, "isolate after eviction"),
    ):
        if duration_ms is not None:
            samples = chance.samples_ns(mode, subject.factor * duration_ms * 1e6, count, nature.tail)
            yield Cell(mode=mode, title=f"{title} ({subject.name})", samples_ns=samples)
    lengths = {
        f"phase {name} ms": tuple(chance.values(name, subject.factor * each))
        for name, each in zip(PHASES, nature.phases_ms, strict=False)
    }
    start_ms = chance.values("runtime", subject.factor * nature.start_ms)
    if lengths:
        start_ms = [sum(parts) for parts in zip(*lengths.values(), strict=True)]
    yield Cell(
        mode="runtime",
        title=f"the runtime's own start ({subject.name})",
        samples_ns=[[int(each * 1e6 * 0.985), int(each * 1e6 * 1.015)] for each in start_ms],
        observed=lengths,
    )


def _warm(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    for mode, rate, factor in (("closed-1", None, 1.0), ("open-500", 500.0, 1.35), ("open-1000", 1_000.0, 1.2)):
        median_ns = subject.factor * nature.warm_us * factor * 1e3
        yield Cell(
            mode=mode,
            title=f"{mode} ({subject.name})",
            samples_ns=chance.samples_ns(mode, median_ns, 150, nature.tail),
            rate_rps=rate,
            connections=1 if rate is None else 64,
        )


def _concurrency(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    for handler, alone_ms, most_rps in (
        ("wait", 10 + nature.warm_us / 1e3, nature.most_rps),
        ("compute", nature.computing_ms, 1_000 / nature.computing_ms),
    ):
        for connections in CONNECTIONS:
            mode = f"{handler}-{connections}"
            median_ns = subject.factor * max(alone_ms, 1_000 * connections / most_rps) * 1e6
            cell = Cell(
                mode=mode,
                title=f"{handler}, {connections} connections ({subject.name})",
                samples_ns=chance.samples_ns(mode, median_ns, 60, nature.tail / 2),
                connections=connections,
                point=Point(name="connections", value=connections),
                saturated=(subject.nature, mode) == ("workerd", "wait-1000"),
                errors={"status 503": 7} if mode == "wait-10" and subject.nature == "node" else {},
            )
            if (subject.nature, mode) == ("container", "compute-1000"):
                cell.samples_ns, cell.not_timed = [], "its answers were wrong before anything was timed: status 503"
            yield cell


def _chain(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    for way, hop_us in nature.hop_us.items():
        for hops in HOPS:
            mode = f"{way}-{hops}"
            yield Cell(
                mode=mode,
                title=f"{WAYS[way]}, {hops} hops ({subject.name})",
                samples_ns=chance.samples_ns(
                    mode, subject.factor * (nature.warm_us + hops * hop_us) * 1e3, 40, nature.tail
                ),
                point=Point(name="hops", value=hops),
            )


def _density(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    what, points = ("isolates", ISOLATES) if nature.isolate_ms is not None else ("instances", INSTANCES)
    own_mb = 110.0 if what == "isolates" else 0.0
    for point in points:
        mode = f"{what}-{point}"
        each_mb = chance.values(f"{mode} MB", nature.instance_mb * (1 + 0.004 * math.log10(point)))
        yield Cell(
            mode=mode,
            title=f"{point:,} {what} ({subject.name})",
            samples_ns=chance.samples_ns(
                mode, subject.factor * nature.first_answer_ms * 1e6, 30 if point > 8 else point, nature.tail
            ),
            point=Point(name=what, value=point),
            observed={
                "PSS MB": tuple(round(own_mb + each * point, 3) for each in each_mb),
                "PSS MB per instance": tuple(round(each, 5) for each in each_mb),
                "still there": (1.0,) * chance.launches,
            },
        )


def _bill(subject: Measured, nature: Nature, chance: Chance) -> Iterator[Cell]:
    for wait_ms in WAITS_MS:
        mode = f"wait-{wait_ms}"
        cpu = chance.values(f"{mode} cpu", subject.factor * COMPUTING_MS * nature.computing_ms / 0.4)
        values = {
            "cpu ms": tuple(cpu),
            "wall ms": tuple(each + wait_ms for each in cpu),
            "billed ms": tuple(float(math.ceil(each)) for each in cpu),
        }
        yield Cell(
            mode=mode,
            title=f"computing, and {wait_ms} ms of waiting ({subject.name})",
            samples_ns=chance.samples_ns(
                mode, (fmean(cpu) + wait_ms + nature.warm_us / 1e3) * 1e6, 12, nature.tail / 8
            ),
            point=Point(name="ms waited", value=wait_ms),
            observed={name: each for name, each in values.items() if name in nature.accounts},
        )


_CELLS = {
    "cold-start": _cold_start,
    "warm": _warm,
    "concurrency": _concurrency,
    "chain": _chain,
    "density": _density,
    "bill": _bill,
}


def _lopsided(fraction: float, tail: float) -> float:
    rarity = -math.log10(1 - fraction)
    return 0.9 + 0.2 * fraction + tail * max(0.0, rarity - 0.4) ** 2


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
