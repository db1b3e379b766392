"""CON-5: what one request reads from, no other request of the same isolate can read from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conformance.asking import ask
from conformance.mark import requirement
from conformance.origin import Origin
from harness.judging import Judge, Launcher
from harness.runtime import Instance, Outbound

KINDS = ("request-text", "request-body", "request-reader", "response-text", "response-body", "response-reader")
CONTENT_BYTES = 100_000
"""More than any runtime keeps in one piece: what is read has to come from somewhere."""

CONTENT = b"text " * (CONTENT_BYTES // 5)


@requirement("CON-5")
@pytest.mark.parametrize("kind", KINDS)
def test_objects_of_an_open_request_are_its_own(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, kind: str
) -> None:
    """While a request is open, another one of the same isolate does not get at the content of its body, nor of a
    response it fetched, though it holds the very object."""
    instance = launch("keeper", outbound=internet)
    _control_own_use(judge, instance, origin, kind)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_keep, instance, origin, kind, hold=origin.url("/hold"))
        try:
            inside = origin.await_arrival("/hold")
            second = ask(instance, "keeper", "/use")
            still_open = inside and not first.done()
        finally:
            origin.release()
        keeper = first.result()
    judge.control(still_open, expected="the first request to be open when the second used its object", saw=still_open)
    _judge_use(judge, kind, keeper, second)


@requirement("CON-5")
@pytest.mark.parametrize("kind", KINDS)
def test_objects_of_a_finished_request_are_nobodys(
    launch: Launcher, judge: Judge, origin: Origin, internet: Outbound, kind: str
) -> None:
    """Once a request is over, another one of the same isolate does not get at the content of its body, nor of a
    response it fetched, though it holds the very object."""
    instance = launch("keeper", outbound=internet)
    _control_own_use(judge, instance, origin, kind)
    keeper = _keep(instance, origin, kind)
    _judge_use(judge, kind, keeper, ask(instance, "keeper", "/use"))


def _keep(instance: Instance, origin: Origin, kind: str, **query: str) -> Any:
    return _post(instance, "/keep", {"kind": kind, "target": _target(origin), **query})


def _target(origin: Origin) -> str:
    return origin.url(f"/text?n={CONTENT_BYTES}")


def _post(instance: Instance, path: str, query: dict[str, str]) -> Any:
    return ask(instance, "keeper", path, query=query, method="POST", body=CONTENT)


def _control_own_use(judge: Judge, instance: Instance, origin: Origin, kind: str) -> None:
    """The same object used in the same way gives its content to the request it belongs to."""
    own = _post(instance, "/own", {"kind": kind, "target": _target(origin)})["outcome"]
    judge.control(
        own.get("gave", "").startswith("text "), expected="the object to be usable within its own request", saw=own
    )


def _judge_use(judge: Judge, kind: str, keeper: Any, second: Any) -> None:
    judge.saw("the other request's use", second)
    judge.control(
        keeper["nonce"] == second["nonce"] and second["plain"] == f"kept by {kind}",
        expected="both requests in one isolate, and a plain value in module scope to be shared",
        saw=second,
    )
    judge.promise(
        not second["outcome"].get("gave"),
        expected="an error, or nothing, for a request that uses another one's object",
        saw=f"its content: {second['outcome'].get('gave')!r}",
    )
