"""ISO-11: what a Worker that exhausts its memory or its CPU does to its neighbours."""

from __future__ import annotations

import contextlib

from conformance.asking import ask
from conformance.fate import Neighbour, judge_isolate_lives_on, watch
from conformance.holding import SERVED_MIB, hold
from conformance.kernel import Meter
from conformance.mark import requirement
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Processes, Request

EXHAUSTING_MIB = 3072
"""Beyond what any engine lets one heap have, and inside the guard that protects the machine."""

SPIN_DIVISIONS = 300_000
"""Some 600 ms of work, without an await."""

BLOCKED = 0.5
"""A neighbour that is silent for more than half of the other's spin was not served beside it."""

SPINS = 3
"""A busy machine may let nobody run for as long as a spin takes; one that blocks its neighbours does so each time."""


@requirement("ISO-11")
def test_neighbour_survives_exhausted_memory(launch: Launcher, judge: Judge) -> None:
    """A Worker that takes memory until it is stopped takes no other Worker with it."""
    instance = launch("memory", "neighbour")
    before = ask(instance, "neighbour", "/")["nonce"]
    held: list[int] = []

    def exhaust() -> str:
        mib, ending = hold(instance, "heap", EXHAUSTING_MIB)
        held.append(mib)
        return f"{mib:,} MiB held: {ending}"

    neighbour = watch(instance, "neighbour", exhaust)
    _keep(judge, neighbour)
    judge.saw("last lines of the runtime's log", instance.log_tail())
    judge.control(
        SERVED_MIB <= held[0] < EXHAUSTING_MIB,
        expected=f"the other Worker to have taken {SERVED_MIB} MiB, and not to have had {EXHAUSTING_MIB:,} MiB",
        saw=f"{held[0]} MiB",
    )
    judge.promise(
        not neighbour.failures,
        expected="every request to the neighbour to be answered",
        saw=f"{'; '.join(neighbour.failures)} (the other ended: {neighbour.other_ended})",
    )
    judge_isolate_lives_on(judge, instance, "neighbour", before)


@requirement("ISO-11")
def test_neighbour_is_served_beside_a_spin(launch: Launcher, judge: Judge) -> None:
    """While one Worker spins, another one's requests are answered, at most a little slower."""
    instance = launch("concurrency", "neighbour")
    before = ask(instance, "neighbour", "/")["nonce"]
    spins: list[tuple[float, Neighbour]] = []
    for _ in range(SPINS):
        spins.append(beside_a_spin(instance))
        if spins[-1][0] < BLOCKED or spins[-1][1].failures:
            break
    judge.saw("share of each spin for which the neighbour was silent", [f"{share:.0%}" for share, _ in spins])
    failures = [failure for _, each in spins for failure in each.failures]
    share, neighbour = min(spins, key=lambda spin: spin[0])
    _keep(judge, neighbour)
    judge.control(
        neighbour.other_took_ms > 5 * neighbour.typical_ms,
        expected="a spin much longer than an answer",
        saw=f"{neighbour.other_took_ms:.0f} ms against {neighbour.typical_ms:.1f} ms",
    )
    judge.promise(
        not failures and share < BLOCKED,
        expected="the neighbour to be served during the spin",
        saw="; ".join(failures) or neighbour.described(),
    )
    judge_isolate_lives_on(judge, instance, "neighbour", before)


def beside_a_spin(instance: Instance) -> tuple[float, Neighbour]:
    """Have the other Worker compute without a pause, to its limit or its end. For what share of that the neighbour was
    silent, and what else its client saw.

    The spin took at least what its thread computed by the kernel's count. What the spin's own client saw is longer when
    that gets no core; a quarter of it counts in any case, for the thread may be gone by now, and its count with it.
    """
    pids: tuple[int, ...] = ()
    with contextlib.suppress(NotObservable):
        pids = instance.instrument(Processes).pids()
    computed_ms: list[float] = []

    def spin() -> str:
        meter = Meter(pids)
        status = instance.fetch("concurrency", Request(path=f"/burn?divisions={SPIN_DIVISIONS}")).status
        computed_ms.append(meter.usage().busiest_ns / 1e6)
        return f"status {status}"

    neighbour = watch(instance, "neighbour", spin)
    return neighbour.silent_ms / max(neighbour.other_took_ms / 4, *computed_ms, 0.0), neighbour


def _keep(judge: Judge, neighbour: Neighbour) -> None:
    judge.saw("the neighbour", neighbour.described())
    judge.measured_value("neighbour's longest wait", neighbour.worst_ms, "ms")
    judge.measured_value("neighbour's slowest answer alone", neighbour.alone_ms, "ms")
    judge.measured_value("answers beside the other", neighbour.answers, "answers")
