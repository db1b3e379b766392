"""ISO: the life of an isolate: what is its own, what survives in it, how many requests it serves, when there is one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conformance.asking import ask
from conformance.bursting import burst
from conformance.copies import copies
from conformance.mark import requirement
from harness.features import Feature
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Processes, Request, Response

ISOLATE = Request(path="/isolate")
OTHERS = ("lifecycle", "neighbour", "cpu", "concurrency", "memory")
SAME_CODE = 6
MANY = 20
TOGETHER = 16
AT_ONCE = 64
LIGHT = 50
LAUNCHES = 3


@requirement("ISO-1")
def test_globals_are_not_shared(launch: Launcher, judge: Judge) -> None:
    """Marks set on the global object and on the prototype of arrays of one Worker are not there in another Worker."""
    instance = launch("lifecycle", "neighbour")
    ask(instance, "lifecycle", "/global", query={"set": "mine"})
    own = ask(instance, "lifecycle", "/global")
    judge.control(
        own["mark"] == own["onArrays"] == "mine", expected="the Worker that set the marks to find them again", saw=own
    )
    other = ask(instance, "neighbour", "/")
    judge.saw("the neighbour", other)
    marks = [other["mark"], other["onArrays"]]
    judge.promise(marks == [None, None], expected="no mark in the neighbour", saw=marks)


@requirement("ISO-1")
def test_workers_of_the_same_code_share_nothing(launch: Launcher, judge: Judge) -> None:
    """Workers whose code is the same have a global object, a module scope and an isolate each."""
    application = copies(launch, "lifecycle", SAME_CODE)
    names = [worker.name for worker in application.workers]
    instance = launch(application)
    for name in names:
        ask(instance, name, "/global", query={"set": name})
    found = {name: ask(instance, name, "/global") for name in names}
    judge.saw("marks each finds", found)
    kept = [found[name]["mark"] for name in names]
    isolates = len({answer["nonce"] for answer in found.values()})
    judge.promise(
        kept == names and isolates == SAME_CODE,
        expected=f"{SAME_CODE} isolates, and in each the mark of its own Worker",
        saw=f"{isolates} isolates, and the marks {kept}",
    )


@requirement("ISO-1")
def test_many_isolates_in_one_process(launch: Launcher, judge: Judge) -> None:
    """Twenty Workers are served by one process, each from an isolate of its own."""
    launch.needs(Feature.SHARED_PROCESS)
    application = copies(launch, "lifecycle", MANY)
    instance = launch(application)
    nonces = {worker.name: ask(instance, worker.name, "/isolate")["nonce"] for worker in application.workers}
    judge.control(
        len(set(nonces.values())) == MANY, expected="an isolate for each Worker", saw=sorted(set(nonces.values()))
    )
    pids = instance.instrument(Processes).pids()
    judge.measured_value("processes", len(pids), f"processes for {MANY} isolates")
    judge.promise(len(pids) == 1, expected=f"one process for {MANY} Workers", saw=f"{len(pids)} processes")


@requirement("ISO-2")
def test_module_scope_survives(launch: Launcher, judge: Judge) -> None:
    """Requests one after the other meet the same isolate: its module was evaluated once, its state is still there."""
    instance = launch("lifecycle")
    answers = [instance.fetch("lifecycle", ISOLATE).json() for _ in range(10)]
    judge.saw("first and last answer", [answers[0], answers[-1]])
    kept = [answer["served"] for answer in answers] == list(range(1, 11))
    judge.promise(
        kept and len({answer["nonce"] for answer in answers}) == 1 and answers[-1]["evaluations"] == 1,
        expected="one nonce, one evaluation, a counter that runs from 1 to 10",
        saw=[(answer["nonce"][:8], answer["evaluations"], answer["served"]) for answer in answers],
    )


@requirement("ISO-3")
def test_requests_overlap_in_one_isolate(launch: Launcher, judge: Judge) -> None:
    """Of sixteen requests sent at once at least half are inside one isolate at the same time while they wait."""
    instance = launch("lifecycle")
    instance.fetch("lifecycle", ISOLATE)
    by_isolate: dict[str, int] = {}
    for answer in _overlap(instance):
        by_isolate[answer["nonce"]] = max(by_isolate.get(answer["nonce"], 0), answer["most"])
    judge.saw("most requests inside at once, by isolate", by_isolate)
    most = max(by_isolate.values())
    judge.measured_value("requests inside one isolate at once", most, "requests")
    judge.promise(
        most >= TOGETHER // 2,
        expected=f"at least {TOGETHER // 2} requests that overlap inside one isolate",
        saw=f"at most {most} at a time",
    )


@requirement("ISO-4")
def test_first_request_is_served(launch: Launcher, judge: Judge) -> None:
    """The first request each Worker ever gets is answered like any other; nothing has to be warmed up."""
    instance = launch(*OTHERS)
    answers = {name: instance.fetch(name, ISOLATE) for name in OTHERS}
    failed = {name: (answer.status, answer.text[:100]) for name, answer in answers.items() if not _is_whole(answer)}
    judge.saw("status of each first answer", {name: answer.status for name, answer in answers.items()})
    judge.promise(not failed, expected="status 200 and the isolate's nonce for every first request", saw=failed)


@requirement("ISO-4")
def test_first_requests_at_once_are_served(launch: Launcher, judge: Judge) -> None:
    """A burst of 64 requests that meets no warm isolate is served whole."""
    instance = launch("lifecycle")
    answers = burst(instance.url("lifecycle"), "/isolate", AT_ONCE)
    failed = [(answer.status, answer.text[:100]) for answer in answers if not _is_whole(answer)]
    nonces = {answer.json()["nonce"] for answer in answers if _is_whole(answer)}
    judge.saw("isolates that served the burst", len(nonces))
    judge.promise(not failed, expected=f"{AT_ONCE} whole answers", saw=f"{len(failed)} others: {failed[:3]}")


@requirement("ISO-5")
def test_no_isolate_per_request(launch: Launcher, judge: Judge) -> None:
    """While one warm isolate can take the load, no other one of the same Worker is made."""
    isolates, _ = _fewest_isolates(launch, judge, _one_after_the_other)
    judge.measured_value("isolates", isolates, f"isolates for {2 * LIGHT} light requests")
    judge.promise(isolates == 1, expected="one isolate for light load", saw=f"{isolates} isolates")


@requirement("ISO-5")
def test_waiting_requests_need_no_second_isolate(launch: Launcher, judge: Judge) -> None:
    """Sixteen requests that only wait do not fill an isolate: one is enough for all of them."""
    isolates, answers = _fewest_isolates(launch, judge, _overlap)
    judge.measured_value("isolates", isolates, f"isolates for {TOGETHER} waiting requests")
    judge.promise(isolates == 1, expected="one isolate, the warm one", saw=f"{isolates} isolates")
    # Only now, as requests that never met because each had an isolate have broken the promise.
    most = max(answer["most"] for answer in answers if "most" in answer)
    judge.control(most > 1, expected="requests that wait at the same time", saw=f"at most {most} at a time")


def _fewest_isolates(
    launch: Launcher, judge: Judge, load: Callable[[Instance], list[Any]]
) -> tuple[int, list[dict[str, Any]]]:
    """Of a few launches, and what was answered then.

    A request that a busy machine holds up looks to a runtime as one that computes, for which it may rightly make a
    second isolate; a runtime that makes one for waiting or light requests does so in every launch.
    """
    seen: list[tuple[int, list[dict[str, Any]]]] = []
    while len(seen) < LAUNCHES and not (seen and seen[-1][0] == 1):
        instance = launch("lifecycle")
        answers = [ask(instance, "lifecycle", "/isolate"), *load(instance)]
        seen.append((len({answer["nonce"] for answer in answers}), answers))
    judge.saw("isolates of each launch", [isolates for isolates, _ in seen])
    return min(seen, key=lambda launch: launch[0])


def _one_after_the_other(instance: Instance) -> list[Any]:
    """Light requests one at a time, and then two at a time."""
    answers = [instance.fetch("lifecycle", ISOLATE).json() for _ in range(LIGHT)]
    with ThreadPoolExecutor(2) as pool:
        return answers + [
            answer.json() for answer in pool.map(lambda _: instance.fetch("lifecycle", ISOLATE), range(LIGHT))
        ]


def _is_whole(answer: Response) -> bool:
    return answer.status == 200 and b'"nonce":"' in answer.body


def _overlap(instance: Instance) -> list[Any]:
    """Requests sent at once that wait for each other; each says how many it met inside its isolate."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        query = {"until": str(TOGETHER)}
        return list(pool.map(lambda _: ask(instance, "lifecycle", "/overlap", query=query), range(TOGETHER)))
