"""MEM: 128 MB per isolate, no less and no more, whatever kind of memory; bodies that pass through do not count."""

from __future__ import annotations

import contextlib

import pytest

from conformance.holding import LIMIT_MIB, PAST_MIB, SERVED_MIB, keep, probe_of, take
from conformance.kernel import peak_resident_bytes
from conformance.mark import requirement
from conformance.streaming import pass_through
from harness.errors import NotObservable
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Ledger, Outcome, Processes

BOMB_MIB = 512  # four times the limit: what is served up to here is not limited
SPREAD_MIB = 300  # a hundred of each kind, or in each of three memories: together past the limit, and none alone

SPREAD = ("mixed", "grown")


@requirement("MEM-1")
def test_heap_past_the_limit_is_stopped(launch: Launcher, judge: Judge) -> None:
    """A Worker whose JS heap grows past 128 MB is stopped with an error to its request."""
    _judge_limit(launch("memory"), judge, "heap")


@requirement("MEM-1")
def test_heap_past_the_limit_is_recorded(launch: Launcher, judge: Judge) -> None:
    """A request whose isolate's JS heap passed 128 MB has a record with the outcome exceededMemory."""
    _judge_record(launch, judge, "heap")


@requirement("MEM-2")
@pytest.mark.parametrize("kind", ["buffers", "wasm", "untouched", "grown", "mixed"])
def test_memory_outside_the_heap_counts(launch: Launcher, judge: Judge, kind: str) -> None:
    """ArrayBuffers and WebAssembly memory count towards the 128 MB: ArrayBuffers that are written to and ones that are
    not, WebAssembly memory that the Worker grows and memories that modules grow and export to nobody, and all together.
    """
    _judge_limit(launch(probe_of(kind)), judge, kind)


@requirement("MEM-2")
@pytest.mark.parametrize("kind", ["buffers", "wasm", "mixed"])
def test_memory_outside_the_heap_is_recorded(launch: Launcher, judge: Judge, kind: str) -> None:
    """A request whose isolate passed 128 MB with memory outside the heap has a record with the outcome
    exceededMemory."""
    _judge_record(launch, judge, kind)


@requirement("MEM-5")
@pytest.mark.parametrize("kind", ["heap", "buffers", "wasm", "mixed"])
def test_just_under_the_limit_is_served(launch: Launcher, judge: Judge, kind: str) -> None:
    """A Worker that holds 96 MB is served."""
    held = take(launch("memory"), kind, SERVED_MIB)
    judge.saw("ending", held.ending)
    judge.measured_value(f"{kind} held", held.mib, "MiB")
    judge.promise(held.served, expected=f"{SERVED_MIB} MiB of {kind} to be held", saw=f"{held.mib} MiB: {held.ending}")


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
    """96 MiB is served (the control); far more is not. Keeps the bracket in which the limit bites.

    Memory that the Worker asks for and is refused counts as stopped here; its record is judged by a test of its own.
    """
    fits = take(instance, kind, SERVED_MIB)
    judge.control(
        fits.served, expected=f"{SERVED_MIB} MiB of {kind} to be served", saw=f"{fits.mib} MiB: {fits.ending}"
    )
    resident_mib = 0
    with contextlib.suppress(NotObservable):  # is told below, unless the runtime does not live to see it
        resident_mib = _resident_mib(instance)
    asked = SPREAD_MIB if kind in SPREAD else BOMB_MIB
    held = take(instance, kind, asked)
    judge.saw(f"a Worker that takes {asked:,} MiB of {kind}", f"{held.mib:,} MiB held: {held.ending}")
    after_mib = _resident_mib(instance)
    judge.measured_value("peak resident memory of the runtime", max(resident_mib, after_mib), "MiB")
    # What was stopped may have had a process of its own, which is gone, and what it held with it.
    readings = [(SERVED_MIB, resident_mib), *([(held.mib, after_mib)] if held.served else [])]
    judge.control(
        kind == "untouched" or all(seen_mib >= 0.8 * mib for mib, seen_mib in readings),
        expected="the kernel to have seen the memory the probe holds",
        saw=", ".join(f"{seen_mib} MiB of {mib}" for mib, seen_mib in readings),
    )
    judge.bracketed(f"{kind} limit", held.mib, None if held.served else held.mib + 1, "MiB")
    judge.promise(
        not held.served,
        expected=f"{kind} stopped a little past {LIMIT_MIB} MiB",
        saw=f"served {held.mib:,} MiB (limit not found below {asked:,} MiB)",
    )
    judge.promise(
        held.mib < 2 * LIMIT_MIB,
        expected=f"{kind} stopped a little past {LIMIT_MIB} MiB",
        saw=f"stopped after {held.mib:,} MiB",
    )


def _resident_mib(instance: Instance) -> int:
    return peak_resident_bytes(instance.instrument(Processes).pids()) >> 20


def _judge_record(launch: Launcher, judge: Judge, kind: str) -> None:
    """The record of a request far past the limit, beside one that keeps within it."""
    instance = launch("memory", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    fits = keep(instance, kind, SERVED_MIB)
    within = ledger.since(mark, worker="memory")[0]
    judge.control(
        fits.served and within.outcome is Outcome.OK,
        expected=f"{SERVED_MIB} MiB of {kind} to be served and recorded as ok",
        saw=f"{fits.ending}, {within.outcome.value}",
    )
    mark = ledger.mark()
    asked = SPREAD_MIB if kind in SPREAD else PAST_MIB
    kept = keep(instance, kind, asked)
    record = ledger.since(mark, worker="memory")[0]
    judge.saw(f"a request that takes {asked} MiB of {kind}", kept.ending)
    judge.saw("its record", record.as_evidence())
    judge.promise(
        record.outcome is Outcome.EXCEEDED_MEMORY and not kept.served,
        expected=f"an error and the outcome {Outcome.EXCEEDED_MEMORY.value}",
        saw=f"{kept.ending}, outcome {record.outcome.value}",
    )
