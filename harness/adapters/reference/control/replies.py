"""Where answers go: to a client's HTTP exchange, or to the Worker that called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from harness.adapters.reference.control.bodies import Body
from harness.adapters.reference.control.exchange import Exchange
from harness.adapters.reference.control.invocation import Failure
from harness.runtime import Outcome

_ERROR_PAGE = {
    # The two codes Cloudflare's own error pages carry: 1102 for CPU time and memory, 1101 for everything thrown.
    Outcome.EXCEEDED_CPU: (503, 1102, "Worker exceeded its CPU time limit"),
    Outcome.EXCEEDED_MEMORY: (503, 1102, "Worker exceeded its memory limit"),
}


class ClientReply:
    """The answer to an HTTP client. A failure after the head breaks the connection, so that the client sees it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None:
        self._exchange.respond(status, reason, headers, body)

    def returned(self, coded: msgspec.Raw) -> None:
        self._exchange.respond_error(500, "the Worker answered an HTTP request with a value")

    def failed(self, failure: Failure) -> None:
        status, code, title = _ERROR_PAGE.get(failure.outcome, (500, 1101, "Worker threw exception"))
        self._exchange.respond_error(status, f"error code: {code}\n{title}\n{failure.name}: {failure.message}\n")


class TriggerReply:
    """The answer to a client that triggered a handler other than fetch: how the invocation ended."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None:
        self._exchange.respond(status, reason, headers, body)

    def returned(self, coded: msgspec.Raw) -> None:
        self._exchange.respond(200, "OK", [("content-type", "application/json")], bytes(coded))

    def failed(self, failure: Failure) -> None:
        self._exchange.respond_error(500, f"{failure.outcome.value}: {failure.name}: {failure.message}\n")


class Answered(msgspec.Struct, frozen=True):
    """A response to a call by fetch."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: Body | None


class CallReply:
    """The answer to a Worker that called another one: a response, or the value a method returned."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Answered | msgspec.Raw] = asyncio.get_running_loop().create_future()

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None:
        if not self.answer.done():
            self.answer.set_result(Answered(status, reason, headers, body))
        elif body is not None:
            body.close()

    def returned(self, coded: msgspec.Raw) -> None:
        if not self.answer.done():
            self.answer.set_result(coded)

    def failed(self, failure: Failure) -> None:
        if not self.answer.done():
            self.answer.set_exception(CallFailed(failure))
            self.answer.exception()  # a caller that is gone never looks


class CallFailed(Exception):
    """The called Worker threw, or was stopped."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class NoReply:
    """For events nobody waits for, such as tail events."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self._then = then

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None:
        self._then()

    def returned(self, coded: msgspec.Raw) -> None:
        self._then()

    def failed(self, failure: Failure) -> None:
        self._then()
