"""SVC-4: Worker B is redeployed behind a binding; Worker A notices nothing but the new answers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from conformance.asking import ask
from conformance.mark import requirement
from conformance.origin import Origin
from harness.application import Worker
from harness.errors import ControlFailed
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound

WAYS = ("fetch", "rpc", "entrypoint")
CALLS_DURING_A_DEPLOY = 400
CALLS_AFTER_IT = 20

ARRIVAL_DEADLINE_S = 10.0
"""Safety deadline for a call to get through both Workers to the origin; it takes milliseconds."""


@requirement("SVC-4")
def test_next_call_gets_the_new_callee(launch: Launcher, judge: Judge) -> None:
    """Once the redeploy of Worker B has returned, Worker A's next call gets the new B, by fetch, by RPC and through
    a named entrypoint."""
    instance = _launched(launch)
    before = _release(instance)
    instance.redeploy(_release_named(launch, "second"))
    after = _release(instance)
    judge.saw("before and after", [before, after])
    judge.control(_words(before) == {"first"}, expected="the first release before", saw=before)
    judge.promise(_words(after) == {"second"}, expected="the second release in every way", saw=after)


@requirement("SVC-4")
def test_caller_is_not_touched(launch: Launcher, judge: Judge) -> None:
    """Worker A is not restarted by B's redeploys: same isolate, a counter that goes on."""
    instance = _launched(launch)
    answers = [_release(instance)]
    for word in ("second", "third"):
        instance.redeploy(_release_named(launch, word))
        answers.append(_release(instance))
    judge.saw("answers", answers)
    judge.control(_words(answers[-1]) == {"third"}, expected="the redeploys to have happened", saw=answers[-1])
    nonces = {answer["nonce"] for answer in answers}
    served = [answer["served"] for answer in answers]
    judge.promise(
        len(nonces) == 1 and served == [1, 2, 3],
        expected="one isolate of the caller, which counts 1, 2, 3",
        saw=f"{len(nonces)} isolates, counts {served}",
    )


@requirement("SVC-4")
def test_calls_during_a_redeploy_are_answered(launch: Launcher, judge: Judge) -> None:
    """While Worker B is being redeployed every call is answered by the old B or the new one, and after it only by
    the new."""
    instance = _launched(launch)
    _release(instance)
    during = []
    second = _release_named(launch, "second")
    with ThreadPoolExecutor(1) as pool:
        deploy = pool.submit(instance.redeploy, second)
        for _ in range(CALLS_DURING_A_DEPLOY):
            during.append(_words(_release(instance)))
            if deploy.done():
                break
        deploy.result()
    after = [_words(_release(instance)) for _ in range(CALLS_AFTER_IT)]
    judge.measured_value("calls during the redeploy", len(during), "calls")
    judge.saw("what answered during it", sorted(set().union(*during)))
    judge.saw("what answered after it", sorted(set().union(*after)))
    judge.promise(
        set().union(*during) <= {"first", "second"} and set().union(*after) == {"second"},
        expected="old or new during the redeploy, new after it",
        saw={"during": sorted(set().union(*during)), "after": sorted(set().union(*after))},
    )


@requirement("SVC-4")
def test_call_under_way_ends_as_it_began(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """A call that is inside the old Worker B when the new one arrives is finished by the old one."""
    instance = _launched(launch, internet)
    held = "/held?target=" + quote(origin.url("/barrier?n=2"))
    with ThreadPoolExecutor(1) as pool:
        # The first call waits in the old B until the second, in the new B, arrives at the same barrier.
        first = pool.submit(ask, instance, "caller", held)
        _await_arrival(origin)
        instance.redeploy(_release_named(launch, "second"))
        second = ask(instance, "caller", held)
        answers = [first.result(), second]
    judge.saw("the call under way and the next one", answers)
    judge.control(
        origin.meetings == 1,
        expected="the first call to be inside when the second one arrived",
        saw=f"{origin.meetings} meetings at the origin",
    )
    judge.promise(
        [answer["release"] for answer in answers] == ["first", "second"],
        expected="the call under way to be answered by the old callee, the next one by the new",
        saw=answers,
    )


def _launched(launch: Launcher, outbound: Outbound | None = None) -> Instance:
    return launch("caller", "release", env="release", redeployable=("release",), outbound=outbound)


def _release_named(launch: Launcher, word: str) -> Worker:
    """The same Worker with another word for its release."""
    worker = launch.application("release").worker("release")
    source = worker.modules[worker.main].decode()
    return worker.with_source(source.replace('"first"', f'"{word}"'))


def _release(instance: Instance) -> Any:
    return ask(instance, "caller", "/release")


def _words(answer: dict[str, Any]) -> set[str]:
    return {str(answer[way]) for way in WAYS}


def _await_arrival(origin: Origin) -> None:
    deadline = time.monotonic() + ARRIVAL_DEADLINE_S
    while not origin.at_barrier:
        if time.monotonic() > deadline:
            raise ControlFailed("the call to arrive at the origin", f"nothing there after {ARRIVAL_DEADLINE_S:g} s")
        time.sleep(0.002)
