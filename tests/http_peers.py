"""A client on a bare socket, and handlers, for the HTTP edges of the reference runtime."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ParamSpec

import h11
import uvloop

from harness.adapters.reference.control.bodies import (
    Body,
    PipeBody,
)
from harness.adapters.reference.control.exchange import Exchange
from harness.adapters.reference.control.front import Front

DEADLINE_S = 60.0
"""Safety deadline of one test, far beyond what it needs."""

STALLED_S = 0.5
"""A sender that got rid of nothing for so long is held by back-pressure; if it is only slow, less was taken in."""

HELD_BYTES = 16 << 20
"""What may be under way unread, the kernel's socket buffers included; the bodies sent are several times as large."""

CHUNK = bytes(range(256)) * 256
Handler = Callable[[Exchange], None]
Arguments = ParamSpec("Arguments")


def on_a_loop(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run a test on a loop of its own; an error that nobody but the loop sees fails it."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        unseen: list[dict[str, Any]] = []

        async def bounded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
            async with asyncio.timeout(DEADLINE_S):
                await test(*args, **kwargs)

        uvloop.run(bounded())
        assert unseen == []

    return run


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


class Peer:
    """A client at the level of bytes, with h11 as the judge of what it gets."""

    front: Front

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._left_over = b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """The next answer. Raises `h11.RemoteProtocolError` for one that broke off or is none."""
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        http.send(h11.EndOfMessage())
        http.receive_data(self._left_over) if self._left_over else None
        head, body = None, bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self.reader.read(1 << 16))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
        assert head is not None
        self._left_over = http.trailing_data[0]
        return head.status_code, {n.decode(): v.decode() for n, v in head.headers}, bytes(body)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection. Raises `ConnectionError` when it does not end in good order."""
        return self._left_over + await self.reader.read()

    def hang_up(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def served(handler: Handler, **settings: float) -> AsyncIterator[Front]:
    front = Front("127.0.0.1", handler, **settings)
    await front.open()
    try:
        yield front
    finally:
        front.close()
        await until(lambda: not front.connections)


@contextlib.asynccontextmanager
async def visited(handler: Handler, **settings: float) -> AsyncIterator[Peer]:
    async with served(handler, **settings) as front, connected(front.port) as peer:
        peer.front = front
        yield peer


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Peer]:
    peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield peer
    finally:
        peer.hang_up()
        with contextlib.suppress(ConnectionError):
            await peer.writer.wait_closed()


def hello(exchange: Exchange) -> None:
    exchange.respond(200, "OK", [("content-type", "text/plain")], b"hello " + exchange.target.encode())


class Recorder:
    """Keeps the exchanges it is handed, for the test to answer."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.gone: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> None:
        exchange.on_gone = lambda: self.gone.append(exchange)
        self.exchanges.append(exchange)

    async def taken(self, count: int = 1) -> Exchange:
        await until(lambda: len(self.exchanges) >= count)
        return self.exchanges[count - 1]


class Endless:
    """A body that counts what was taken of it. `length` bytes in all, chunked when `told` is false."""

    def __init__(self, length: int, *, told: bool = False) -> None:
        self.length: int | None = length if told else None
        self.left_bytes = length
        self.taken_bytes = 0
        self.closed = False

    async def read(self) -> bytes:
        chunk = CHUNK[: self.left_bytes]
        self.left_bytes -= len(chunk)
        self.taken_bytes += len(chunk)
        return chunk

    def close(self) -> None:
        self.closed = True


async def stalled(progress: Callable[[], int]) -> int:
    """Wait until the number no longer grows."""
    before = -1
    while before != (before := progress()):
        await asyncio.sleep(STALLED_S)
    return before


async def fill(pipe: PipeBody) -> None:
    while True:
        await pipe.write(b"x")


async def whole(body: Body | None) -> bytes:
    data = bytearray()
    while body is not None and (chunk := await body.read()):
        data += chunk
    return bytes(data)
