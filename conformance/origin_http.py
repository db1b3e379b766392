"""The HTTP/1.1 an origin speaks: many small requests, quickly, because some tests count ten thousand of them.

A parser in C on an event loop in C: a quarter of the time that h11 on asyncio's own loop takes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, cast

import httptools


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`location`: where a redirect leads, printable ASCII."""

    status: int = 200
    body: bytes = b""
    location: str | None = None

    def encoded(self, *, method: str, keep_alive: bool) -> bytes:
        """The answer as it goes out."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"content-length: {len(self.body)}"]
        if self.body:
            lines.append("content-type: application/json")
        if self.location is not None:
            lines.append(f"location: {self.location}")
        if not keep_alive:
            lines.append("connection: close")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return head if method == "HEAD" else head + self.body


class Server(Protocol):
    def connected(self) -> None:
        """Somebody connected, whatever they speak."""

    def answer(self, method: str, target: str, host: str) -> Answer | Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    target: str
    host: str
    keep_alive: bool


class Connection(asyncio.Protocol):
    """One client connection; requests on it are answered in order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._asked: deque[_Asked] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._target = b""
        self._host = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own classes descend from none of asyncio's
        self._server.connected()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # declined: the request was answered, HTTP goes on
            self._parser = httptools.HttpRequestParser(self)
            following = data[upgrade.args[0] :]
            if following:
                self.data_received(following)
        except httptools.HttpParserError:  # a canary is also touched by those who speak no HTTP: counted, not served
            self._transport.close()

    # --- what the parser calls

    def on_message_begin(self) -> None:
        self._target = self._host = b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"host":
            self._host = value

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        keep_alive = self._parser.should_keep_alive()
        self._asked.append(_Asked(method, self._target.decode("latin-1"), self._host.decode("latin-1"), keep_alive))
        self._next()

    # --- answering

    def _next(self) -> None:
        while self._asked and self._answering is None:
            asked = self._asked.popleft()
            answer = self._server.answer(asked.method, asked.target, asked.host)
            if isinstance(answer, Answer):
                self._send(asked, answer)
            else:
                self._answering = asyncio.get_running_loop().create_task(self._answer_later(asked, answer))

    async def _answer_later(self, asked: _Asked, answer: Awaitable[Answer]) -> None:
        self._send(asked, await answer)
        self._answering = None
        self._next()

    def _send(self, asked: _Asked, answer: Answer) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(answer.encoded(method=asked.method, keep_alive=asked.keep_alive))
        if not asked.keep_alive:
            self._transport.close()
