"""One request of a client, and the way to answer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harness.adapters.reference.control.bodies import Body, InlineBody

PLAIN_TEXT = ("content-type", "text/plain; charset=utf-8")


class Client(Protocol):
    """The connection on which a request came."""

    def work(self) -> None:
        """Parse, hand over, and parse on, as far as it goes now."""

    def answer(
        self,
        exchange: Exchange,
        status: int,
        reason: str,
        headers: list[tuple[str, str]],
        body: Body | bytes | None,
    ) -> None:
        """Send the answer, if that exchange is the one whose turn it is; else the body is closed."""

    def break_off(self, exchange: Exchange) -> None:
        """Abort, if that exchange's answer is under way."""


class Exchange:
    """A request, and the way to answer it. Only the first answer counts.

    `target` begins with a slash; a target that was an absolute URL has been parted into `authority` and `target`.
    `on_gone` is called once when the client hangs up before the answer is complete.
    """

    __slots__ = (
        *("_answered", "_connection", "authority", "body", "headers", "http_1_0", "keep_alive", "method"),
        *("on_gone", "target"),
    )

    def __init__(
        self, connection: Client, method: str, target: str, authority: str, headers: list[tuple[str, str]]
    ) -> None:
        self._connection = connection
        self._answered = False
        self.method = method
        self.target = target
        self.authority = authority
        self.headers = headers
        self.body: Body | None = None
        self.on_gone: Callable[[], None] | None = None
        self.keep_alive = True
        self.http_1_0 = False

    def respond(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | bytes | None) -> None:
        """Answer. The body is closed when all of it was sent, or cannot be."""
        if not self._answered:
            self._answered = True
            self._connection.answer(self, status, reason, headers, body)
        else:
            close(parts(body)[1])

    def respond_error(self, status: int, text: str) -> None:
        """Answer in plain text. An answer that is under way breaks off, so that the client sees it."""
        if self._answered:
            self._connection.break_off(self)
        else:
            self.respond(status, "", [PLAIN_TEXT], text.encode("utf-8", "replace"))


Handler = Callable[[Exchange], None]


def parts(body: Body | bytes | None) -> tuple[bytes, Body | None]:
    """What is there of a body at once, and what is to come."""
    if body is None:
        return b"", None
    if isinstance(body, bytes):
        return body, None
    return (body.take(), None) if isinstance(body, InlineBody) else (b"", body)


def close(body: Body | None) -> None:
    if body is not None:
        body.close()
