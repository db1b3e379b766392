"""MEM: 128 MB per isolate, no less and no more; bodies that pass through do not count."""

from __future__ import annotations

import pytest

from conformance.holding import SERVED_MIB, hold
from conformance.kernel import peak_resident_bytes
from conformance.mark import requirement
from conformance.streaming import pass_through
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Processes

LIMIT_MIB = 128
BOMB_MIB = 1024  # eight times the limit: what is served up to here is not limited

KINDS = ("heap", "buffers", "wasm")


@requirement("MEM-1")
def test_heap_past_the_limit_is_stopped(launch: Launcher, judge: Judge) -> None:
    """A Worker whose JS heap grows past 128 MB is stopped with an error to its request."""
    _judge_limit(launch("memory"), judge, "heap")


@requirement("MEM-2")
@pytest.mark.parametrize("kind", ["buffers", "wasm"])
def test_memory_outside_the_heap_counts(launch: Launcher, judge: Judge, kind: str) -> None:
    """ArrayBuffers and WebAssembly memory count towards the 128 MB."""
    _judge_limit(launch("memory"), judge, kind)


@requirement("MEM-5")
@pytest.mark.parametrize("kind", KINDS)
def test_just_under_the_limit_is_served(launch: Launcher, judge: Judge, kind: str) -> None:
    """A Worker that holds 96 MB is served."""
    held, ending = hold(launch("memory"), kind, SERVED_MIB)
    judge.saw("ending", ending)
    judge.measured_value(f"{kind} held", held, "MiB")
    judge.promise(ending == "served", expected=f"{SERVED_MIB} MiB of {kind} to be held", saw=f"{held} MiB: {ending}")


@requirement("MEM-6")
def test_large_body_streams_through(launch: Launcher, judge: Judge) -> None:
    """A body of three times the limit passes through a Worker, never more than a fraction of it held on the way.

    The client sends as long as it is taken and reads nothing; what was taken by then is what the runtime holds. Then it
    reads on, and every byte must come out.
    """
    body_bytes = 3 * LIMIT_MIB << 20
    passage = pass_through(launch("memory").url("memory"), "/through", body_bytes)
    judge.saw("bytes that came out, and that they were the right ones", [passage.received_bytes, passage.intact])
    judge.measured_value("body", body_bytes / (1 << 20), "MiB")
    judge.measured_value("held on the way", passage.held_bytes / (1 << 20), "MiB")
    judge.promise(
        passage.received_bytes == body_bytes and passage.intact,
        expected=f"{body_bytes} bytes to come out as they went in",
        saw=f"{passage.received_bytes} bytes, {'intact' if passage.intact else 'altered'}: {passage.ending}",
    )
    judge.promise(
        passage.held_bytes < LIMIT_MIB << 20,
        expected="less than 128 MiB of the body to be held",
        saw=f"{passage.held_bytes >> 20} MiB taken in before anything was read",
    )


def _judge_limit(instance: Instance, judge: Judge, kind: str) -> None:
    """96 MiB is served (the control); eight times the limit is not. Keeps the bracket in which the limit bites."""
    held, ending = hold(instance, kind, SERVED_MIB)
    judge.control(ending == "served", expected=f"{SERVED_MIB} MiB of {kind} to be served", saw=f"{held} MiB: {ending}")
    held, ending = hold(instance, kind, BOMB_MIB)
    judge.saw(f"a Worker that takes {BOMB_MIB} MiB of {kind}", f"{held:,} MiB held: {ending}")
    if instance.alive():
        resident_mib = peak_resident_bytes(instance.instrument(Processes).pids()) >> 20
        judge.measured_value("peak resident memory of the runtime", resident_mib, "MiB")
        judge.control(
            resident_mib >= 0.8 * held,
            expected="the kernel to have seen the memory the probe holds",
            saw=f"{resident_mib} MiB",
        )
    judge.bracketed(f"{kind} limit", held, None if ending == "served" else held + 1, "MiB")
    judge.promise(
        ending != "served",
        expected=f"{kind} stopped a little past {LIMIT_MIB} MiB",
        saw=f"served {held:,} MiB (limit not found below {BOMB_MIB:,} MiB)",
    )
    judge.promise(
        held < 2 * LIMIT_MIB,
        expected=f"{kind} stopped a little past {LIMIT_MIB} MiB",
        saw=f"stopped after {held:,} MiB",
    )
