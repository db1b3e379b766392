"""A target that counts for itself: what it says it answered is what a load generator must have counted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator

GREETING = b'{"hello":"isomark","nonce":"n","served":1}'

Body = Callable[[int], tuple[int, bytes]]
"""Status and body of the answer to a request, by its number from 1."""


def greets(_number: int) -> tuple[int, bytes]:
    return 200, GREETING


class CountingTarget:
    """`answered`: requests it received whole and wrote an answer to, the one that verifies a target included.

    With its answer number `last` it hangs up on everybody, and takes no more connections.
    """

    def __init__(self, answer: Body, last: int | None) -> None:
        self.answered = 0
        self.port = 0
        self._answer = answer
        self._last = last
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._connections: set[asyncio.Transport] = set()
        self._in_use: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def in_use(self) -> int:
        """Connections that are there and have carried a request."""
        return len(self._in_use)

    @property
    def over(self) -> bool:
        return self.answered == self._last

    def await_answered(self, count: int, *, deadline_s: float = 60) -> None:
        """Wait until it has answered at least so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.answered >= count, timeout=deadline_s), self.answered

    def answer_to_next(self, transport: asyncio.Transport) -> bytes:
        status, body = self._answer(self.answered + 1)
        with self._changed:
            self.answered += 1
            self._in_use.add(transport)
            self._changed.notify_all()
        return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        making = self._loop.create_server(lambda: _Connection(self, self._connections, self._in_use), "127.0.0.1", 0)
        self._server = self._loop.run_until_complete(making)
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self.hang_up()
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def hang_up(self) -> None:
        """Take no more connections, and end those there are."""
        self._server.close()
        for connection in self._connections:
            connection.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, target: CountingTarget, *kept: set[asyncio.Transport]) -> None:
        self._target = target
        self._connections, self._in_use = kept
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, _reason: Exception | None) -> None:
        self._connections.discard(self._transport)
        self._in_use.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for _ in requests:
            if self._target.over:
                return
            self._transport.write(self._target.answer_to_next(self._transport))
            if self._target.over:
                self._target.hang_up()


@contextlib.contextmanager
def counting(answer: Body = greets, *, last: int | None = None) -> Iterator[CountingTarget]:
    target = CountingTarget(answer, last)
    target.start()
    try:
        yield target
    finally:
        target.stop()
