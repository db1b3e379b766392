"""CON: one thread inside an isolate, any number of waits at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from conformance.mark import requirement
from conformance.origin import Origin
from harness.judging import Judge, Launcher
from harness.runtime import Outbound, Request


@requirement("CON-1")
def test_counters_do_not_tear(launch: Launcher, judge: Judge) -> None:
    """Requests that count in one isolate at the same time lose no count and never find each other in the middle."""
    lanes, rounds, stride = 8, 20, 5_000
    instance = launch("concurrency")
    path = f"/count?rounds={rounds}&stride={stride}"
    with ThreadPoolExecutor(lanes) as pool:
        nonces = [
            answer.json()["nonce"]
            for answer in pool.map(lambda _: instance.fetch("concurrency", Request(path=path)), range(lanes))
        ]
    isolates = len(set(nonces))
    judge.control(isolates < lanes, expected="at least two requests in one isolate", saw=f"{isolates} isolates")
    counted = instance.fetch("concurrency", Request(path="/counted")).json()
    judge.saw("counted", counted)
    expected = nonces.count(counted["nonce"]) * rounds * stride
    judge.promise(
        counted["shared"] == expected and counted["overlaps"] == 0,
        expected=f"{expected} counts and no overlap",
        saw=f"{counted['shared']} counts and {counted['overlaps']} overlaps",
    )


@requirement("CON-1")
def test_no_threads_to_be_had(launch: Launcher, judge: Judge) -> None:
    """A Worker finds no way to run JavaScript in a second thread."""
    instance = launch("concurrency")
    outcome = instance.fetch("concurrency", Request(path="/threads")).json()
    judge.saw("what each way came to", outcome)
    ran = [way for way, result in outcome.items() if result is True]
    judge.promise(not ran, expected="no second thread", saw="JavaScript ran in a thread from " + ", ".join(ran))


@requirement("CON-2")
def test_waits_overlap(launch: Launcher, judge: Judge, origin: Origin, internet: Outbound) -> None:
    """Six fetches awaited with Promise.all are under way at the same time: a server that answers only once all six are
    there does answer."""
    n = 6
    instance = launch("concurrency", outbound=internet)
    alone = instance.fetch("concurrency", Request(path=f"/together?n=1&target={quote(origin.url('/barrier?n=1'))}"))
    judge.control(alone.status == 200, expected="one fetch to the origin to be answered", saw=alone.text)
    target = quote(origin.url(f"/barrier?n={n}"))
    answers = instance.fetch("concurrency", Request(path=f"/together?n={n}&target={target}")).json()
    judge.saw("how many each fetch found waiting", [answer["together"] for answer in answers])
    most = max(answer["together"] for answer in answers)
    judge.measured_value("fetches under way at once", most, "fetches")
    judge.promise(most == n, expected=f"{n} fetches under way at once", saw=f"at most {most}")
