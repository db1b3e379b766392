"""ISO: the life cycle of an isolate, and what one Worker can do to its neighbours by failing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance.mark import requirement
from harness.errors import DeployRefused, Unanswered
from harness.features import Feature
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Processes, Request

ISOLATE = Request(path="/isolate")
ALL = ("lifecycle", "neighbour", "cpu", "concurrency", "memory")


@requirement("ISO-1")
def test_globals_are_not_shared(launch: Launcher, judge: Judge) -> None:
    """A mark set on the global object of one Worker is not there in another Worker of the same process."""
    instance = launch("lifecycle", "neighbour")
    instance.fetch("lifecycle", Request(path="/global?set=mine"))
    own = instance.fetch("lifecycle", Request(path="/global")).json()
    judge.control(own["mark"] == "mine", expected="the Worker that set the mark to find it again", saw=own)
    other = instance.fetch("neighbour", Request()).json()
    judge.saw("the neighbour", other)
    judge.promise(other["mark"] is None, expected="no mark on the neighbour's global object", saw=other["mark"])


@requirement("ISO-1")
def test_many_isolates_in_one_process(launch: Launcher, judge: Judge) -> None:
    """Several Workers are served by one process, each from an isolate of its own."""
    launch.needs(Feature.SHARED_PROCESS)
    instance = launch(*ALL)
    nonces = {name: instance.fetch(name, ISOLATE).json()["nonce"] for name in ALL}
    judge.saw("an answer from each Worker", nonces)
    judge.control(len(set(nonces.values())) == len(ALL), expected="an isolate for each Worker", saw=nonces)
    pids = instance.instrument(Processes).pids()
    judge.measured_value("processes", len(pids), "processes")
    judge.promise(len(pids) == 1, expected=f"one process for {len(ALL)} Workers", saw=f"{len(pids)} processes")


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
    """Eight requests sent at once are inside one isolate at the same time while they wait."""
    together = 8
    instance = launch("lifecycle")
    instance.fetch("lifecycle", ISOLATE)
    with ThreadPoolExecutor(together) as pool:
        request = Request(path=f"/overlap?until={together}")
        answers = [
            answer.json() for answer in pool.map(lambda _: instance.fetch("lifecycle", request), range(together))
        ]
    by_isolate: dict[str, int] = {}
    for answer in answers:
        by_isolate[answer["nonce"]] = max(by_isolate.get(answer["nonce"], 0), answer["most"])
    judge.saw("most requests inside at once, by isolate", by_isolate)
    most = max(by_isolate.values())
    judge.measured_value("requests inside one isolate at once", most, "requests")
    judge.promise(most >= 2, expected="requests that overlap inside one isolate", saw=f"at most {most} at a time")


@requirement("ISO-4")
def test_first_request_is_served(launch: Launcher, judge: Judge) -> None:
    """The first request each Worker ever gets is answered like any other; nothing has to be warmed up."""
    instance = launch(*ALL)
    statuses = {name: instance.fetch(name, ISOLATE).status for name in ALL}
    judge.saw("status of each first request", statuses)
    judge.promise(set(statuses.values()) == {200}, expected="status 200 for every first request", saw=statuses)


@requirement("ISO-4")
def test_first_requests_at_once_are_served(launch: Launcher, judge: Judge) -> None:
    """A burst that meets no warm isolate is served whole."""
    burst = 32
    instance = launch("lifecycle")
    with ThreadPoolExecutor(burst) as pool:
        answers = list(pool.map(lambda _: instance.fetch("lifecycle", ISOLATE), range(burst)))
    statuses = [answer.status for answer in answers]
    judge.saw(
        "isolates that served the burst", len({answer.json()["nonce"] for answer in answers if answer.status == 200})
    )
    judge.promise(statuses == [200] * burst, expected=f"{burst} times status 200", saw=sorted(statuses))


@requirement("ISO-5")
def test_no_isolate_per_request(launch: Launcher, judge: Judge) -> None:
    """While one warm isolate can take the load, no other one of the same Worker is made."""
    requests = 50
    instance = launch("lifecycle")
    answers = [instance.fetch("lifecycle", ISOLATE).json() for _ in range(requests)]
    with ThreadPoolExecutor(2) as pool:
        answers += [
            answer.json() for answer in pool.map(lambda _: instance.fetch("lifecycle", ISOLATE), range(requests))
        ]
    isolates = len({answer["nonce"] for answer in answers})
    judge.measured_value("isolates", isolates, f"isolates for {2 * requests} light requests")
    judge.promise(isolates == 1, expected="one isolate for light load", saw=f"{isolates} isolates")


@requirement("ISO-7")
def test_exceptions_stay_inside(launch: Launcher, judge: Judge) -> None:
    """Exceptions, rejections and rejections nobody handles in one Worker leave the other one's isolate serving."""
    instance = launch("lifecycle", "neighbour")
    before = instance.fetch("neighbour", Request()).json()
    statuses = {
        path: [_status(instance, "lifecycle", path) for _ in range(3)]
        for path in ("/throw", "/reject", "/stray-rejection")
    }
    judge.saw("answers of the failing Worker", statuses)
    judge.control(
        all(status >= 500 for status in statuses["/throw"]),
        expected="an error answer to a throwing request",
        saw=statuses["/throw"],
    )
    after = instance.fetch("neighbour", Request()).json()
    judge.saw("the neighbour, before and after", [before, after])
    expected = {**before, "served": before["served"] + 1}
    judge.promise(after == expected, expected="the neighbour's own isolate to answer on", saw=after)


@requirement("ISO-7")
def test_failing_worker_recovers(launch: Launcher, judge: Judge) -> None:
    """A Worker whose request threw answers its next request."""
    instance = launch("lifecycle")
    thrown = _status(instance, "lifecycle", "/throw")
    judge.control(thrown >= 500, expected="an error answer to a throwing request", saw=thrown)
    status = instance.fetch("lifecycle", ISOLATE).status
    judge.promise(status == 200, expected="status 200 after the exception", saw=f"status {status}")


@requirement("ISO-7")
def test_failed_start_stays_inside(launch: Launcher, judge: Judge) -> None:
    """Deploying a Worker that throws when it starts is refused or fails alone; its neighbour's isolate serves on."""
    instance = launch("lifecycle", "neighbour", redeployable=("lifecycle",))
    before = instance.fetch("neighbour", Request()).json()
    broken = launch.application("lifecycle").worker("lifecycle").with_source("throw new Error('the start fails');")
    try:
        instance.redeploy(broken)
        judge.saw("the deploy", "accepted; a request to it: " + str(_status(instance, "lifecycle", "/isolate")))
    except DeployRefused as refusal:
        judge.saw("the deploy", f"refused: {refusal.happened}")
    after = instance.fetch("neighbour", Request()).json()
    expected = {**before, "served": before["served"] + 1}
    judge.promise(after == expected, expected="the neighbour's own isolate to answer on", saw=after)


def _status(instance: Instance, worker: str, path: str) -> int:
    """The status, with 599 for a connection that broke off: an error answer too."""
    try:
        return instance.fetch(worker, Request(path=path)).status
    except Unanswered:
        if not instance.alive():
            raise
        return 599
