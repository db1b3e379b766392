"""MEM: the limit belongs to the isolate. No setting moves it, its requests share it, and it ends with its isolate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.holding import LIMIT_MIB, PAST_MIB, SERVED_MIB, Kept, keep, keep_together, nonce_of
from conformance.mark import requirement
from harness.application import Application
from harness.errors import ConfigurationError
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Ledger, Outcome

SHARERS = 4
SHARE_MIB = 48  # four of these pass the limit by half, and each is far below it
STEPS_MIB = (SERVED_MIB, 160, PAST_MIB)
REPEATS = 3


@requirement("MEM-3")
@pytest.mark.parametrize("kind", ["heap", "buffers"])
def test_no_setting_raises_the_limit(launch: Launcher, judge: Judge, kind: str, tmp_path: Path) -> None:
    """The limit bites where it does without settings when `vars` are named like memory settings of programs elsewhere
    and `limits` ask for the most there is, on the paid plan. `limits` has no key for memory."""
    judge.control(
        _memory_key_is_unknown(tmp_path), expected="limits.memory_mb to be unknown to the configuration", saw="it was"
    )
    plain = _served_up_to(launch("memory"), kind)
    greedy = _served_up_to(launch("memory", env="greedy"), kind)
    for label, served in {"without settings": plain, "with settings that ask for more": greedy}.items():
        stopped = next((mib for mib in STEPS_MIB if mib > served), None)
        judge.bracketed(f"{kind} limit {label}", served, stopped, "MiB")
        judge.control(served >= SERVED_MIB, expected=f"{SERVED_MIB} MiB of {kind} to be served {label}", saw=served)
    judge.promise(
        greedy < STEPS_MIB[-1],
        expected=f"{kind} stopped a little past {LIMIT_MIB} MiB, whatever the settings",
        saw=f"served {greedy} MiB with settings, and {plain} MiB without",
    )
    judge.promise(
        greedy <= plain,
        expected=f"no more than the {plain} MiB that are served without settings",
        saw=f"served {greedy} MiB with settings",
    )


@requirement("MEM-4")
@pytest.mark.parametrize("kind", ["heap", "buffers"])
def test_requests_share_the_limit(launch: Launcher, judge: Judge, kind: str) -> None:
    """Requests that are each far below the limit and together past it, in one isolate at once, all end in an error."""
    instance = launch("memory")
    sharers = _judge_sharing(instance, judge, kind)
    served = [each for each in sharers if each.served]
    judge.promise(
        not served,
        expected=f"all {SHARERS} requests stopped: {SHARERS * SHARE_MIB} MiB in one isolate is past {LIMIT_MIB} MiB",
        saw=f"{len(served)} were served, up to {max((each.holding for each in served), default=0)} holding at once",
    )


@requirement("MEM-4")
def test_requests_that_shared_are_recorded(launch: Launcher, judge: Judge) -> None:
    """Each request that was inside when its isolate passed the limit is recorded with the outcome exceededMemory."""
    instance = launch("memory", instruments=(Ledger,))
    ledger = instance.instrument(Ledger)
    mark = ledger.mark()
    _judge_sharing(instance, judge, "buffers")
    records = ledger.since(mark, worker="memory", at_least=3 + SHARERS)[-SHARERS:]
    judge.saw("records", [record.as_evidence() for record in records])
    isolates = {record.isolate for record in records}
    judge.control(
        len(isolates) == 1, expected="one isolate in the records of those who met", saw=sorted(map(str, isolates))
    )
    outcomes = [record.outcome.value for record in records]
    judge.promise(
        set(outcomes) == {Outcome.EXCEEDED_MEMORY.value},
        expected=f"the outcome {Outcome.EXCEEDED_MEMORY.value} {SHARERS} times",
        saw=outcomes,
    )


@requirement("MEM-7")
@pytest.mark.parametrize("kind", ["heap", "buffers", "wasm"])
def test_next_request_gets_a_fresh_isolate(launch: Launcher, judge: Judge, kind: str) -> None:
    """After an isolate was stopped for its memory the next request is served by another one, which can hold 96 MB, each
    time again."""
    instance = launch("memory")
    nonces = [nonce_of(instance)]
    judge.control(nonce_of(instance) == nonces[0], expected="one isolate to answer while nothing happens", saw=nonces)
    for _ in range(REPEATS):
        killed = keep(instance, kind, PAST_MIB)
        nonces.append(nonce_of(instance))
        judge.saw("nonces of the isolates, one after the other", nonces)
        judge.promise(
            not killed.served and nonces[-1] not in nonces[:-1],
            expected=f"an isolate past {PAST_MIB} MiB to be stopped and a fresh one to answer next",
            saw=f"the request: {killed.ending}; next answered "
            + ("the same" if nonces[-1] == nonces[-2] else "another"),
        )
        fits = keep(instance, kind, SERVED_MIB)
        judge.promise(
            fits.served and fits.nonce not in nonces[:-1],
            expected=f"the fresh isolate to hold {SERVED_MIB} MiB of {kind}",
            saw=fits.ending,
        )


def _judge_sharing(instance: Instance, judge: Judge, kind: str) -> tuple[Kept, ...]:
    """Four requests of 48 MiB at once, after the controls: one alone is served, and so are two of 40 MiB together."""
    alone = keep(instance, kind, SHARE_MIB)
    judge.control(alone.served, expected=f"{SHARE_MIB} MiB of {kind} to be served alone", saw=alone.ending)
    pair = keep_together(instance, kind, 40, together=2, meeting="pair")
    judge.control(
        all(each.served and each.holding == 2 for each in pair) and len({each.nonce for each in pair}) == 1,
        expected=f"two requests to hold 40 MiB of {kind} each at once, in one isolate",
        saw=[each.ending for each in pair],
    )
    sharers = keep_together(instance, kind, SHARE_MIB, together=SHARERS, meeting="all")
    judge.saw(f"{SHARERS} requests that take {SHARE_MIB} MiB of {kind} each", [each.ending for each in sharers])
    apart = [each.met for each in sharers if each.nonce and each.met < SHARERS]
    judge.control(not apart, expected=f"all {SHARERS} requests inside one isolate", saw=apart)
    return sharers


def _served_up_to(instance: Instance, kind: str) -> int:
    """The most of `STEPS_MIB` that is served, asked for one after the other; 0 for none."""
    served = 0
    for mib in STEPS_MIB:
        if not keep(instance, kind, mib).served:
            break
        served = mib
    return served


def _memory_key_is_unknown(folder: Path) -> bool:
    """Whether a Worker's configuration that names a memory limit is refused for just that."""
    (folder / "index.mjs").write_text("export default {};")
    configuration = {"name": "greedy", "main": "index.mjs", "compatibility_date": "2026-02-01"}
    (folder / "wrangler.jsonc").write_text(json.dumps({**configuration, "limits": {"memory_mb": 4096}}))
    try:
        Application.load(folder)
    except ConfigurationError as error:
        return "memory_mb" in error.happened
    return False
