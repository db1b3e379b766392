"""Five figures of an isolate runtime: what its isolates cost, and how exact its CPU accounts and limits are.

Each is measured from outside: starts and rates by the clock of the client, memory by the kernel, CPU time by the
runtime's ledger against its own limit, against the same work done alone, and against the kernel's thread clocks.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.application import Application, load_worker
from harness.errors import ToolchainError, Unanswered, UnsupportedFeature
from harness.features import Feature
from harness.runtime import Conditions, Instance, IsolatesOnDemand, Ledger, Plan, Processes, Request, Runtime
from loadgen.connection import Connection, get
from loadgen.process_start import port_of

WORKERS = Path(__file__).with_name("workers")

COLD_STARTS = 200
ISOLATES = 1_000
KILLS = 40
FREE_LIMIT_MS = 10.0
ENDLESS_ROUNDS = 2_000_000_000
TOGETHER = 8
SLICES = 20
REPEATS = 9
WRK_S = 5

_CPUCLOCK_SCHED = 2
"""Linux: the clock of a process's CPU time, dead threads included, has the number `~pid << 3 | 2`."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, megabytes (10^6 bytes) and requests per second; errors of attribution are shares of the true value.

    `cpu_attribution_error`: how far a request's share of the CPU charged to it and those it ran among is from its share
    when each runs alone, the median over requests; shares, because the machine's speed changes between the two.
    `cpu_charged_over_kernel`: all CPU charged in that run, over what the kernel saw the runtime's isolate threads use.
    """

    runtime: str
    version: str
    cold_start_p50_ms: float
    cold_start_p99_ms: float
    rss_per_isolate_mb: float
    hello_rps: float
    cpu_kill_error_ms: float
    cpu_attribution_error: float
    cpu_charged_over_kernel: float


def measure(runtime: Runtime, *, progress: Callable[[str], None] = lambda _: None) -> Figures:
    """Raises `UnsupportedFeature` for a runtime without the instruments, `ToolchainError` without wrk."""
    if Feature.ISOLATES_ON_DEMAND not in runtime.features():
        raise UnsupportedFeature(f"runtime {runtime.name!r} makes no isolates on demand", expected="one that does")
    wrk = shutil.which("wrk")
    if wrk is None:
        raise ToolchainError("wrk is not installed", expected="wrk on PATH", remedy="install it: apt-get install wrk")
    progress("cold starts and memory")
    cold_ms, rss_mb = _isolates(runtime)
    progress("hello, by wrk")
    hello_rps = _hello(runtime, wrk)
    progress("CPU kills")
    kill_error_ms = _kills(runtime)
    progress("CPU of concurrent requests")
    attribution, over_kernel = _attribution(runtime)
    quantiles = statistics.quantiles(cold_ms, n=100)
    return Figures(
        runtime=runtime.name,
        version=runtime.version(),
        cold_start_p50_ms=round(statistics.median(cold_ms), 3),
        cold_start_p99_ms=round(quantiles[98], 3),
        rss_per_isolate_mb=round(rss_mb, 3),
        hello_rps=round(hello_rps, 1),
        cpu_kill_error_ms=round(kill_error_ms, 3),
        cpu_attribution_error=round(attribution, 4),
        cpu_charged_over_kernel=round(over_kernel, 4),
    )


def _application(name: str) -> Application:
    return Application(workers=(load_worker(WORKERS / name),))


def _isolates(runtime: Runtime) -> tuple[list[float], float]:
    """First-answer times of fresh isolates, the first few left out, and resident memory per isolate."""
    conditions = Conditions(instruments=frozenset({IsolatesOnDemand}))
    with runtime.launch(_application("hello"), conditions) as instance:
        url, header = instance.instrument(IsolatesOnDemand).address("hello")
        pids = instance.instrument(Processes).pids()
        connection = Connection(port_of(url))
        connection.connect()
        warm_up = 20
        elapsed_ms = []
        before = 0
        for number in range(warm_up + ISOLATES):
            if number == warm_up:
                before = _resident_bytes(pids)
            exchange = connection.exchange(get(port_of(url), "/", {header: f"figure-{number}"}))
            if exchange.status != 200:
                raise Unanswered(f"isolate {number} answered with status {exchange.status}")
            if warm_up <= number < warm_up + COLD_STARTS:
                elapsed_ms.append(exchange.elapsed_ns / 1e6)
        after = _resident_bytes(pids)
        connection.close()
    return elapsed_ms, (after - before) / ISOLATES / 1e6


def _resident_bytes(pids: tuple[int, ...]) -> int:
    return sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in pids) * 4096


def _hello(runtime: Runtime, wrk: str) -> float:
    with runtime.launch(_application("hello")) as instance:
        url = instance.url("hello") + "/"
        command = [wrk, "--threads=1", "--connections=64", f"--duration={WRK_S}s", url]
        subprocess.run([*command[:-2], "--duration=2s", url], capture_output=True, check=True)  # warm
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None or "Non-2xx" in said:
        raise Unanswered(f"wrk did not get right answers: {said}")
    return float(found[1])


def _kills(runtime: Runtime) -> float:
    """How far the CPU recorded for an endless loop on the free plan is from its limit, at the median."""
    conditions = Conditions(plan=Plan.FREE, instruments=frozenset({Ledger}))
    errors_ms = []
    with runtime.launch(_application("burn"), conditions) as instance:
        ledger = instance.instrument(Ledger)
        for _ in range(KILLS):
            mark = ledger.mark()
            instance.fetch("burn", Request(path=f"/?rounds={ENDLESS_ROUNDS}"))
            record = ledger.since(mark, worker="burn")[0]
            errors_ms.append(abs(record.cpu_time_ms - FREE_LIMIT_MS))
    return statistics.median(errors_ms)


@dataclass(frozen=True, kw_only=True)
class _Load:
    rounds: int

    @property
    def path(self) -> str:
        return f"/?rounds={self.rounds}&slices={SLICES}"


def _attribution(runtime: Runtime) -> tuple[float, float]:
    """Requests of different weights, alone and at once, in turn, in one isolate."""
    loads = [_Load(rounds=200_000 * (number + 1)) for number in range(TOGETHER)]
    conditions = Conditions(instruments=frozenset({Ledger}))
    with runtime.launch(_application("burn"), conditions) as instance:
        ledger, pids = instance.instrument(Ledger), instance.instrument(Processes).pids()
        for load in loads:
            instance.fetch("burn", Request(path=load.path))  # compiled by now
        drifts: dict[int, list[float]] = {load.rounds: [] for load in loads}
        charged_ms = kernel_ms = 0.0
        for _ in range(REPEATS):
            alone = [_charged(instance, ledger, [load])[0] for load in loads]
            before = isolate_threads_ns(pids)
            figures = _charged(instance, ledger, loads)
            kernel_ms += (isolate_threads_ns(pids) - before) / 1e6
            charged_ms += sum(figures)
            # Who is who: the ledger is in the order of beginning, which requests sent at once do not have; their
            # weights differ by so much that order by size is order by load.
            for load, together, by_itself in zip(loads, sorted(figures), alone, strict=True):
                drifts[load.rounds].append(together / sum(figures) / (by_itself / sum(alone)))
    errors = [abs(statistics.median(found) - 1) for found in drifts.values()]
    return statistics.median(errors), charged_ms / kernel_ms


def _charged(instance: Instance, ledger: Ledger, loads: list[_Load]) -> list[float]:
    mark = ledger.mark()
    with ThreadPoolExecutor(len(loads)) as pool:
        list(pool.map(lambda load: instance.fetch("burn", Request(path=load.path)), loads))
    return [record.cpu_time_ms for record in ledger.since(mark, worker="burn", at_least=len(loads))]


def isolate_threads_ns(pids: tuple[int, ...]) -> int:
    """CPU of the threads that run isolates: all but each process's first one, and those of the engine's own pool.

    What ended threads used is in it, as isolated-vm runs an isolate on a thread of its own when its pool is busy.
    """
    return sum(_process_ns(pid) - _other_threads_ns(pid) for pid in pids)


def _process_ns(pid: int) -> int:
    return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED)


def _other_threads_ns(pid: int) -> int:
    main = Path(f"/proc/{pid}/comm").read_text(encoding="ascii")
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended: one that ran an isolate
            if task.name == str(pid) or (task / "comm").read_text(encoding="ascii") != main:
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total
