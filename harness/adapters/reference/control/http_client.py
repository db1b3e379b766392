"""The HTTP client behind fetch(): one request, one answer, over connections that are kept for the next one.

It goes where it is told: who may be reached is decided by `outbound`. Addresses only; no name is looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import httptools

from harness.adapters.reference.control.bodies import (
    HEAD_BYTES,
    HEAD_FIELDS,
    Body,
    BodyBroken,
    FlowProtocol,
    IncomingBody,
    InlineBody,
)
from harness.adapters.reference.control.outbound import ip_address, request_head

CONNECT_DEADLINE_S = 30.0

_MOST_IDLE = 64
"""Connections kept for each address."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer as it came. Header names are lower case; `body` is an `InlineBody` when it was there at once."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: Body


class _NeverAnswered(ConnectionError):
    """A kept connection turned out to be closed: the request may be sent again, its body was not begun."""


class _Outgoing:
    """A request as it is sent. `whole`: its body as far as it is there at once. `stream`: a body that comes in chunks;
    `begun` when some of it was read."""

    __slots__ = ("begun", "body_follows", "head", "stream", "whole")

    def __init__(self, head: bytes, method: str, body: Body | None) -> None:
        self.head = head
        self.body_follows = method != "HEAD"
        self.whole = body.take() if isinstance(body, InlineBody) else b""
        self.stream = None if isinstance(body, InlineBody) else body
        self.begun = False

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()


class _Link(FlowProtocol):
    """One connection to a server, with at most one request on it. It is idle when `_outgoing` is None."""

    def __init__(self, client: HttpClient, key: tuple[str, int]) -> None:
        super().__init__()
        self.key = key
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._outgoing: _Outgoing | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._body: IncomingBody | None = None
        self._pump: asyncio.Task[None] | None = None
        self._used = False
        self._heard = False  # a byte of the answer came in
        self._finished = False  # all of it did
        self._until_close = False
        self._reusable = True
        self._progress = False
        self._stuck_bytes = 0

    async def ask(self, outgoing: _Outgoing) -> Answer:
        """Send, and return once the answer's head is there. Raises `ConnectionError`.

        The connection goes back to the client by itself when all of the answer has come in.
        """
        reused, self._used = self._used, True
        self._outgoing = outgoing
        self._heard = self._finished = self._until_close = False
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answer = answer
        self.transport.write(outgoing.head + outgoing.whole)
        if outgoing.stream is not None:
            self._pump = self._loop.create_task(self._send(outgoing, outgoing.stream))
        try:
            return await answer
        except BodyBroken:
            raise
        except ConnectionError as error:
            if reused and not self._heard and not outgoing.begun:
                raise _NeverAnswered(str(error)) from error
            raise
        except asyncio.CancelledError:
            if self._outgoing is outgoing:
                self._fail(ConnectionAbortedError("the request was given up"))
            raise

    async def _send(self, outgoing: _Outgoing, stream: Body) -> None:
        try:
            first = await stream.read()
            outgoing.begun = True
            await self.send_body(stream, chunked=stream.length is None, first=first)
        except BodyBroken as error:
            if not self.lost:
                self._fail(error)
        else:
            self._pump = None
        finally:
            if outgoing.begun:
                stream.close()

    # From the transport.

    def data_received(self, data: bytes) -> None:
        if self._outgoing is None:
            self._fail(ConnectionError("it sent what nobody had asked for"))
            return
        self._heard = True
        self._progress = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._finished:
                self._fail(ConnectionError("the answer is malformed"))
                return
            self._reusable = False
        self._stuck_bytes = 0 if self._progress else self._stuck_bytes + len(data)
        if self._stuck_bytes > HEAD_BYTES:
            self._fail(ConnectionError("the head of the answer is too large"))
            return
        if self._body is not None and self._answer is not None and not self._answer.done():
            body = self._body.inline() or self._body
            self._answer.set_result(Answer(status=self._status, reason=self._reason, headers=self._headers, body=body))
        if self._finished:
            self._release()

    def eof_received(self) -> None:
        if self._until_close and self._body is not None:
            self._body.end()
            self._reusable = False
            self._release()
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._client.drop(self)
        self._fail(ConnectionResetError("the server hung up" if exc is None else str(exc)))
        del self._parser  # it holds this connection

    # Ends.

    def _fail(self, error: ConnectionError) -> None:
        """Close the connection; whoever waits for something of it is told."""
        if not self.lost:
            self.transport.abort()
        if self._pump is not None:
            self._pump.cancel()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        elif self._outgoing is not None:
            self._outgoing.close()
        if self._body is not None:
            self._body.fail(str(error))
        self._outgoing = self._answer = self._body = self._pump = None

    def _release(self) -> None:
        """All of the answer is there: nobody waits for the rest of the request, if it was not sent as a whole."""
        if self._pump is not None:
            self._pump.cancel()
            self._reusable = False
        if self._outgoing is not None:
            self._outgoing.close()
            if not self._outgoing.body_follows:
                self._parser = httptools.HttpResponseParser(self)  # the one before waits for a body
        self._outgoing = self._answer = self._body = self._pump = None
        if self._reusable and not self.transport.is_closing():
            self._regulate()
            self._client.keep(self)
        else:
            self.transport.close()

    def _regulate(self) -> None:
        """Read from the server, or do not, as the answer's reader wants it."""
        body = self._body
        if body is not None and body.closed:
            self._fail(ConnectionAbortedError("the answer's reader closed it"))
            return
        self.hold(body is not None and body.full)

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._finished:
            self._reusable = False
            return
        self._headers: list[tuple[str, str]] = []
        self._reason = ""
        self._head_bytes = 0
        self._length: int | None = None
        self._chunked = False

    def on_status(self, text: bytes) -> None:
        if self._finished:
            return
        self._head_bytes += len(text)
        self._reason += text.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES or len(self._headers) >= HEAD_FIELDS:
            raise OverflowError  # to the parser's caller the answer is malformed
        if self._body is not None or self._finished:
            return  # trailers
        field = (name.lower().decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
        self._headers.append(field)
        if field[0] == "content-length":
            self._length = int(field[1])
        elif field[0] == "transfer-encoding":
            self._chunked = field[1].lower().rpartition(",")[2].strip() == "chunked"

    def on_headers_complete(self) -> None:
        self._progress = True
        self._status = self._parser.get_status_code()
        if self._status < 200 or self._finished or self._outgoing is None:
            return
        if not self._outgoing.body_follows or self._status in (204, 304):
            self._body = IncomingBody(0, self._regulate)
            self._end_of_answer()
            return
        self._until_close = self._length is None and not self._chunked
        self._body = IncomingBody(self._length, self._regulate)

    def on_body(self, chunk: bytes) -> None:
        self._progress = True
        if self._finished:
            self._reusable = False
        elif self._body is not None:
            self._body.feed(chunk)

    def on_message_complete(self) -> None:
        self._progress = True
        if self._body is not None and not self._finished:
            self._end_of_answer()

    def _end_of_answer(self) -> None:
        assert self._body is not None
        self._body.end()
        self._finished = True
        self._reusable = self._reusable and self._parser.should_keep_alive()


class HttpClient:
    """Requests over kept connections, one pool for each address and port."""

    def __init__(self) -> None:
        self.links: set[_Link] = set()
        self._idle: dict[tuple[str, int], list[_Link]] = {}

    async def request(
        self,
        *,
        address: str,
        port: int,
        method: str,
        target: str,
        authority: str,
        headers: list[tuple[str, str]],
        body: Body | None,
    ) -> Answer:
        """Ask, and return once the answer's head is there; the rest comes through its body, which is to be read to its
        end or closed. The request's body is closed whatever happens. A cancelled request closes its connection.

        Raises `OutboundRefused` for a request that cannot be sent as it is, `ConnectionError` or another `OSError`
        when there is no answer.
        """
        outgoing = None
        try:
            key = (ip_address(address), port)
            outgoing = _Outgoing(request_head(method, target, authority, headers, body), method, body)
            link = self._take(key)
            if link is not None:
                with contextlib.suppress(_NeverAnswered):
                    return await link.ask(outgoing)
            link = await self._connected(key)
            return await link.ask(outgoing)
        except BaseException:
            if outgoing is not None:
                outgoing.close()
            elif body is not None:
                body.close()
            raise

    def _take(self, key: tuple[str, int]) -> _Link | None:
        idle = self._idle.get(key, [])
        while idle:
            link = idle.pop()
            if not link.transport.is_closing():
                return link
        return None

    async def _connected(self, key: tuple[str, int]) -> _Link:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            _, link = await loop.create_connection(lambda: _Link(self, key), *key)
        if link.lost:
            raise ConnectionResetError("the server hung up")
        # Not sooner: a link whose connecting was cancelled is never told that it is lost.
        self.links.add(link)
        return link

    def keep(self, link: _Link) -> None:
        """A connection is idle again."""
        idle = self._idle.setdefault(link.key, [])
        if len(idle) < _MOST_IDLE:
            idle.append(link)
        else:
            link.transport.close()

    def drop(self, link: _Link) -> None:
        """A connection is no more."""
        self.links.discard(link)
        idle = self._idle.get(link.key, [])
        if link in idle:
            idle.remove(link)
        if not idle:
            self._idle.pop(link.key, None)

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told."""
        for link in list(self.links):
            link.transport.abort()
