"""ISO-11: what a Worker that exhausts its memory or its CPU does to its neighbours."""

from __future__ import annotations

from conformance.asking import ask
from conformance.fate import Neighbour, judge_isolate_lives_on, watch
from conformance.holding import SERVED_MIB, hold
from conformance.mark import requirement
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Request

EXHAUSTING_MIB = 3072
"""Beyond what any engine lets one heap have, and inside the guard that protects the machine."""

SPIN_DIVISIONS = 300_000
"""Some 600 ms of work, without an await."""

BLOCKED = 0.5
"""A neighbour that waits for more than half of the other's spin was not served beside it."""


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
    neighbour = watch(instance, "neighbour", lambda: _spin(instance))
    _keep(judge, neighbour)
    judge.control(
        neighbour.other_took_ms > 5 * neighbour.alone_ms,
        expected="a spin much longer than an answer",
        saw=f"{neighbour.other_took_ms:.0f} ms against {neighbour.alone_ms:.1f} ms",
    )
    judge.promise(
        not neighbour.failures and neighbour.share_of_the_misbehaviour() < BLOCKED,
        expected="the neighbour to be served during the spin",
        saw="; ".join(neighbour.failures) or neighbour.described(),
    )
    judge_isolate_lives_on(judge, instance, "neighbour", before)


def _spin(instance: Instance) -> str:
    """Have the other Worker compute without a pause; how that ended, by its limit or by itself."""
    path = f"/burn?divisions={SPIN_DIVISIONS}"
    return f"status {instance.fetch('concurrency', Request(path=path)).status}"


def _keep(judge: Judge, neighbour: Neighbour) -> None:
    judge.saw("the neighbour", neighbour.described())
    judge.measured_value("neighbour's longest wait", neighbour.worst_ms, "ms")
    judge.measured_value("neighbour's slowest answer alone", neighbour.alone_ms, "ms")
    judge.measured_value("answers beside the other", neighbour.answers, "answers")
