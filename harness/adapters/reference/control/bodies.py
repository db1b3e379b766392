"""Message bodies, and how HTTP/1.1 carries them: framing, back-pressure, and the header fields that are framing.

A body is read by one reader, chunk by chunk. Nothing here holds more than one chunk, or `HOLD_BYTES` and what one read
of the socket brings, for a reader that does not come.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

HOLD_BYTES = 64 << 10
"""What waits unread before the sender is stopped, in either direction of a connection."""

HEAD_BYTES = 64 << 10
HEAD_FIELDS = 512
"""The largest head of a message that is taken in."""


class BodyBroken(ConnectionError):
    """A body that broke off, or that its reader closed. `reason` is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnsafeField(ValueError):
    """A header field that cannot be sent as it is: it would end its line, or the head."""


class Body(Protocol):
    """Bytes that come in chunks. `length` in bytes, None when it is not known beforehand."""

    length: int | None

    async def read(self) -> bytes:
        """The next chunk, b"" at the end. Raises `BodyBroken` when it broke off."""
        ...

    def close(self) -> None:
        """Nobody will read on. Safe to call again, and after the end."""
        ...


class InlineBody:
    """A body that is there as a whole."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length: int | None = len(data)

    def take(self) -> bytes:
        """All that is unread, at once."""
        data, self._data = self._data, b""
        return data

    async def read(self) -> bytes:
        return self.take()

    def close(self) -> None:
        self._data = b""


EMPTY = InlineBody(b"")


class PipeBody:
    """Chunks handed from a writer to the reader, one at a time."""

    __slots__ = ("_broken", "_ended", "_offers", "_readable", "length")

    def __init__(self, length: int | None = None) -> None:
        self.length = length
        self._offers: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._ended = False
        self._broken: str | None = None
        self._readable = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        """Return once the reader has taken the chunk. Raises `BodyBroken` when nobody will."""
        if self._broken is not None:
            raise BodyBroken(self._broken)
        if self._ended:
            raise BodyBroken("written to after its end")
        if not chunk:
            return  # to the reader an empty chunk would be the end
        offer = (chunk, asyncio.get_running_loop().create_future())
        self._offers.append(offer)
        self._readable.set()
        try:
            await offer[1]
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                self._offers.remove(offer)
            raise

    def end(self) -> None:
        """Nothing more will be written."""
        self._ended = True
        self._readable.set()

    def fail(self, reason: str) -> None:
        """It broke off: the reader is told instead of the end. Without effect after `end`."""
        if not self._ended:
            self._break(reason)

    def close(self) -> None:
        self._break("its reader closed it")

    def _break(self, reason: str) -> None:
        if self._broken is None:
            self._broken = reason
        while self._offers:
            _, taken = self._offers.popleft()
            if not taken.done():
                taken.set_exception(BodyBroken(reason))
        self._readable.set()

    async def read(self) -> bytes:
        while not self._offers:
            if self._broken is not None:
                raise BodyBroken(self._broken)
            if self._ended:
                return b""
            self._readable.clear()
            await self._readable.wait()
        chunk, taken = self._offers.popleft()
        if not taken.done():
            taken.set_result(None)
        return chunk


class IncomingBody:
    """What a connection receives. `changed` is called when `full` or `closed` became another, to regulate the
    connection."""

    __slots__ = ("_broken", "_changed", "_chunks", "_readable", "_waiting_bytes", "closed", "ended", "full", "length")

    def __init__(self, length: int | None, changed: Callable[[], None]) -> None:
        self.length = length
        self.full = False
        self.closed = False
        self.ended = False
        self._changed = changed
        self._chunks: list[bytes] = []
        self._waiting_bytes = 0
        self._broken: str | None = None
        self._readable: asyncio.Event | None = None

    def feed(self, chunk: bytes) -> None:
        """A chunk came in; it is dropped when nobody will read it."""
        if self.closed:
            return
        self._chunks.append(chunk)
        self._waiting_bytes += len(chunk) + 64  # what the object itself takes: chunks of one byte must not add up
        if self._waiting_bytes >= HOLD_BYTES and not self.full:
            self.full = True
            self._changed()
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def fail(self, reason: str) -> None:
        """It broke off: the reader is told behind the chunks that came in. Without effect after `end`."""
        if not self.ended and self._broken is None:
            self._broken = reason
            self._wake()

    def inline(self) -> InlineBody | None:
        """The whole body, if all of it has come in and nobody has read of it."""
        return InlineBody(b"".join(self._chunks)) if self.ended and not self.closed else None

    async def read(self) -> bytes:
        while not self._chunks:
            if self._broken is not None:
                raise BodyBroken(self._broken)
            if self.ended:
                return b""
            self._readable = self._readable or asyncio.Event()
            self._readable.clear()
            await self._readable.wait()
        chunk = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._empty()
        return chunk

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.fail("its reader closed it")
        self._empty()
        self._changed()

    def _empty(self) -> None:
        self._chunks.clear()
        self._waiting_bytes = 0
        if self.full:
            self.full = False
            self._changed()

    def _wake(self) -> None:
        if self._readable is not None:
            self._readable.set()


class FlowProtocol(asyncio.Protocol):
    """A connection with back-pressure: bodies go out as fast as the peer takes them, and the peer can be held."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.writing_paused = False
        self.lost = False
        self.held = False
        self._writable: asyncio.Event | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.transport.set_write_buffer_limits(high=HOLD_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._writable is not None:
            self._writable.set()

    def pause_writing(self) -> None:
        self.writing_paused = True

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self._writable is not None:
            self._writable.set()

    def hold(self, hold: bool) -> bool:
        """Read from the peer no more, or again. Whether that is another state than before."""
        if hold == self.held or self.transport.is_closing():
            return False
        self.held = hold
        if hold:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        return True

    async def send_body(self, body: Body, *, chunked: bool, first: bytes | None = None) -> None:
        """Send a body to its end: chunked, or as it is. `first`: what was already read of it. Does not close it.

        Raises `BodyBroken` when it breaks off, when the peer is gone, or when its `length` is not what it has.
        """
        left = body.length
        chunk = await body.read() if first is None else first
        while chunk:
            if left is not None and (left := left - len(chunk)) < 0:
                raise BodyBroken("it is longer than its announced length")
            self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await self._taken()
            if left == 0:
                return
            chunk = await body.read()
        if left:
            raise BodyBroken(f"it ended {left} bytes before its announced length")
        if chunked:
            self.transport.write(b"0\r\n\r\n")

    async def _taken(self) -> None:
        while self.writing_paused and not self.lost:
            self._writable = self._writable or asyncio.Event()
            self._writable.clear()
            await self._writable.wait()
        if self.lost:
            raise BodyBroken("the peer is gone")


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")

_OF_THE_CONNECTION = frozenset(
    ("connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
"""Fields that say how one connection carries a message; whoever sends on sets its own. `proxy-*` are such too."""


def is_token(text: str) -> bool:
    """Whether it can stand as a method or a field's name."""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _carried(name: str) -> str:
    """The name as it is sent; empty for a field that is not sent on. Raises `UnsafeField`."""
    if not is_token(name):
        raise UnsafeField(f"the name of a header field is not a name: {name[:64]!r}")
    lower = name.lower()
    return "" if lower in _OF_THE_CONNECTION or lower.startswith("proxy-") else lower


def field_lines(headers: list[tuple[str, str]], *, but: str = "") -> str:
    """The lines of a head for the fields a message takes with it, without the connection's own and the one named `but`.

    Raises `UnsafeField` for a field that would break out of its line.
    """
    lines = [f"{carried}: {value}\r\n" for name, value in headers if (carried := _carried(name)) and carried != but]
    text = "".join(lines)
    if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text:
        raise UnsafeField("the value of a header field has a line break or a NUL in it")
    if not text.isascii() and max(text) > "\xff":
        raise UnsafeField("the value of a header field has a character beyond latin-1")
    return text
