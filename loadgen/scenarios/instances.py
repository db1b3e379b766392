"""Many instances of one Worker where each has a process or a container of its own: what each costs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.application import Worker
from harness.histograms.histogram import LatencyHistogram
from harness.runtime import Instance
from loadgen.connection import Connection, Failed, Gone, get
from loadgen.engine import Tally
from loadgen.probes import Nonces, Sample
from loadgen.process_start import port_of
from loadgen.scenarios import memory, probes
from loadgen.scenarios.bench import Bench, pids_of
from loadgen.scenarios.footprint import PSS, PSS_PER_INSTANCE, RESIDENT, STILL_THERE, leave_out_pss
from loadgen.scenarios.model import Taken

NOT_TOLD = "the runtime does not say which processes carry its Workers"


def instances_mode(number: int) -> str:
    return f"instances-{number}"


@dataclass(frozen=True, kw_only=True)
class InstancesTurn:
    """Launches so many copies as one application, asks each once, and then once more; ends them.

    `speaks_for`: the modes that are verified by verifying this turn.
    """

    number: int
    bench: Bench
    speaks_for: tuple[str, ...] = ()
    nonces: Nonces = field(default_factory=Nonces)

    @property
    def modes(self) -> tuple[str, ...]:
        return (instances_mode(self.number),)

    def verify(self) -> Mapping[str, str]:
        """One instance before the first ones that count, which also warms up the machine's caches."""
        if not self.speaks_for:
            return {}
        (copy,) = _copies(1)
        with self.bench.launched([copy]) as instance:
            error = _ask(instance, copy, self.nonces, cold=True).error
        return dict.fromkeys(self.speaks_for, f"the first answer was wrong: {error}") if error else {}

    def take(self) -> Mapping[str, Taken]:
        copies = _copies(self.number)
        started_ns, begun_ns = time.time_ns(), time.monotonic_ns()
        with self.bench.launched(copies) as instance:
            launched_ns = time.monotonic_ns() - begun_ns
            first = [_ask(instance, copy, self.nonces, cold=True) for copy in copies]
            wall_ns = time.monotonic_ns() - begun_ns
            observed = self._observed(instance, copies)
            self.bench.require_alive()
        each_ns = launched_ns // self.number
        times_ns = [each_ns + one.elapsed_ns for one in first if one.error is None and one.discarded is None]
        tally = Tally(
            response=LatencyHistogram(times_ns),
            service=LatencyHistogram(times_ns),
            requests=len(times_ns),
            errors=Counter(one.error for one in first if one.error is not None),
            scheduled=self.number,
            started_ns=started_ns,
            wall_ns=wall_ns,
        )
        discarded = Counter(one.discarded for one in first if one.discarded is not None)
        return {self.modes[0]: Taken(tally=tally, discarded=discarded, observed=observed)}

    def _observed(self, instance: Instance, copies: Sequence[Worker]) -> dict[str, float]:
        """Memory first: asking again would add to it."""
        now = memory.reading(pids_of(instance))
        again = [_ask(instance, copy, self.nonces, cold=False) for copy in copies]
        found = {STILL_THERE: sum(one.error is None and one.discarded is None for one in again) / self.number}
        if not now.resident_bytes:
            self.bench.left_out.update(dict.fromkeys((RESIDENT, PSS, PSS_PER_INSTANCE), NOT_TOLD))
            return found
        found[RESIDENT] = now.resident_bytes / 1e6
        if now.pss_bytes is None:
            leave_out_pss(self.bench)
            return found
        return {**found, PSS: now.pss_bytes / 1e6, PSS_PER_INSTANCE: now.pss_bytes / self.number / 1e6}


def _copies(number: int) -> list[Worker]:
    hello = probes.worker("hello")
    return [replace(hello, name=f"{hello.name}-{index}") for index in range(number)]


def _ask(instance: Instance, worker: Worker, nonces: Nonces, *, cold: bool) -> Sample:
    """One request on a connection of its own, which is made before the time counts."""
    port = port_of(instance.url(worker.name))
    connection = Connection(port)
    try:
        done = connection.exchange(get(port, "/"))
    except (Failed, Gone) as error:
        return Sample(elapsed_ns=0, error=str(error))
    finally:
        connection.close()
    judge = nonces.judge_cold if cold else nonces.judge_warm
    return judge(done.elapsed_ns, done.status, done.body)


def start(bench: Bench) -> Sequence[InstancesTurn]:
    numbers, nonces = sorted(bench.extent.instances), Nonces()
    turns = [InstancesTurn(number=number, bench=bench, nonces=nonces) for number in numbers]
    if turns and bench.number == 1:
        turns[0] = replace(turns[0], speaks_for=tuple(map(instances_mode, numbers)))
    return turns
