"""Running the launches one after another, each a fresh runtime and a fresh baseline, and keeping what was measured."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from harness.errors import ConnectionLost, IsomarkError, RuntimeDied
from harness.runtime import Request, Runtime
from loadgen import targets
from loadgen.cells import CellName
from loadgen.driver import Driver
from loadgen.messages import CellTally, Launch
from loadgen.process_start import start_once
from loadgen.profiles import Profile

INTERRUPTED = 130

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one run measures, and how much of it. `seed` decides every order there is."""

    runtime: Runtime
    baseline: Runtime
    profile: Profile
    launches: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class LaunchRecord:
    """One launch that was measured to its end. `start_s`: since the run began; `order`: as cost.json has it."""

    start_s: float
    length_s: float
    order: str
    cells: dict[CellName, CellTally]


@dataclass(kw_only=True)
class Run:
    """What a run has so far. `why_incomplete` is empty as long as nothing cut it short."""

    started_epoch_s: float
    started: float
    plan: targets.Plan
    launches: list[LaunchRecord] = field(default_factory=list)
    why_incomplete: str = ""
    ended_by: IsomarkError | None = None
    exit_code: int = 0
    locust_version: str = ""


def measure(settings: Settings, *, progress: Progress = lambda _launch: None) -> Run:
    """Run all launches. What cuts a run short (a death, a deadline, Ctrl-C) is told in the result, never raised."""
    run = Run(started_epoch_s=time.time(), started=time.monotonic(), plan=targets.plan_for(settings.runtime))
    shuffle = random.Random(settings.seed)  # noqa: S311 - an order that can be repeated, not a secret
    try:
        with Driver.started() as driver:
            run.locust_version = driver.locust_version
            for number in range(1, settings.launches + 1):
                progress(number)
                run.launches.append(_launch(settings, run, driver, number, shuffle))
    except KeyboardInterrupt:
        run.why_incomplete, run.exit_code = _cut_short(run, settings, "interrupted"), INTERRUPTED
    except IsomarkError as error:
        run.why_incomplete, run.exit_code = _cut_short(run, settings, error.happened), error.exit_code
        run.ended_by = error
    return run


def _cut_short(run: Run, settings: Settings, happened: str) -> str:
    return f"{len(run.launches)} of {settings.launches} launches were measured: {happened}"


def _launch(settings: Settings, run: Run, driver: Driver, number: int, shuffle: random.Random) -> LaunchRecord:
    baseline_first = shuffle.random() < 0.5
    names = list(run.plan.cells)
    shuffle.shuffle(names)
    begun = time.monotonic()
    with ExitStack() as stack:
        running = targets.start(stack, settings.runtime, settings.baseline, run.plan, baseline_first=baseline_first)
        turns = running.turns(run.plan, settings.profile)
        measuring = time.monotonic()
        try:
            measured = driver.measure(
                Launch(number=number, turns=tuple(turns[name] for name in names)),
                start=lambda: start_once(settings.baseline, targets.HELLO),
                deadline_s=settings.profile.deadline_s - (measuring - begun),
            )
        except ConnectionLost as lost:
            raise _death(running) or lost from lost
        ended = time.monotonic()
    by_cell = {tally.cell: tally for tally in measured.cells}
    for tally in measured.cells:
        _agree(tally)
    first, second = (settings.baseline, settings.runtime) if baseline_first else (settings.runtime, settings.baseline)
    return LaunchRecord(
        start_s=measuring - run.started,
        length_s=ended - measuring,
        order=f"launch {number}: {first.name} before {second.name}, modes " + " ".join(map(str, names)),
        cells={name: by_cell[str(name)] for name in run.plan.cells},
    )


def _death(running: targets.Targets) -> RuntimeDied | None:
    """How a runtime ended, in its adapter's own words, if that is why nothing answers."""
    for instance in running.instances():
        try:
            instance.fetch("hello", Request(), deadline_s=1.0)
        except RuntimeDied as died:
            return died
        except IsomarkError:
            continue
    return None


def _agree(tally: CellTally) -> None:
    """Locust counted the same requests. Raises `IsomarkError` when it did not: then neither count can be trusted."""
    failures = sum(tally.errors.values())
    requests = len(tally.samples_ns) + sum(tally.discarded.values()) + failures
    if (requests, failures) != (tally.locust_requests, tally.locust_failures):
        raise IsomarkError(
            f"{tally.cell}: counted {requests} requests and {failures} errors, Locust {tally.locust_requests} and "
            f"{tally.locust_failures}",
            expected="the same counts on both sides",
        )
