"""Invented measurements of five subjects, shaped as real ones. The same arguments give the same, in any process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from statistics import fmean

from harness.comparison_results import Role
from harness.load_results import Point
from harness.results import RuntimeIdentity

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
