"""The HTTP front: clients' requests in, answers out. No policy: what a request comes to is its handler's.

Written for speed: a request whose handler answers by callback costs no task, and an answer that is there as a whole is
one write. A client takes up no more than its connection, a head, and `HOLD_BYTES` and one read of the socket of a body.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from http import HTTPStatus

from harness.adapters.reference.control.bodies import Body, FlowProtocol, IncomingBody, UnsafeField, field_lines
from harness.adapters.reference.control.exchange import PLAIN_TEXT, Exchange, Handler, close, parts
from harness.adapters.reference.control.request_reader import Refused, RequestReader

HEAD_TIMEOUT_S = 60.0
LINGER_S = 5.0
"""How long what a refused or early answered client still sends is read and dropped, so that it can read the answer."""

LOOK_S = 0.25
"""How often a client that is not read from is looked at: its hanging up would otherwise stay behind what it sent."""

_STEP_BYTES = 16 << 10
_MOST_PENDING = 64
"""Requests that one connection may have sent ahead; what follows them stays unparsed, and the client is not read."""

_RECEIVE_BUFFER_BYTES = 256 << 10
_HUNG_UP = frozenset((7, 8, 9, 11))  # of the kernel's TCP states: CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = frozenset((204, 304))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Connection(FlowProtocol):
    """One client. Its requests are handed over one after another, each when the one before is answered."""

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(self, front.authority)
        self._current: Exchange | None = None
        self._pump: asyncio.Task[None] | None = None
        self._unparsed: bytes | memoryview = b""
        self._working = False
        self._looking = False
        self._deaf = False  # whatever the client sends is dropped
        self._unread = False  # the client is in the middle of something that is not read on
        self._last_words = b""  # when all requests are answered, before the connection ends
        self._timer: asyncio.TimerHandle | None = None

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._front.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if not self._deaf:
            if self._unparsed:
                data = bytes(self._unparsed) + data
            self._unparsed = data if len(data) <= _STEP_BYTES else memoryview(data)
            self.work()

    def eof_received(self) -> None:
        # A client that closes its half cannot be told from one that is gone.
        if self._current is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._front.connections.discard(self)
        self._deaf, self._unparsed = True, b""
        self._reader.ready.clear()
        self._stop_timer()
        if self._reader.body is not None:
            self._reader.body.fail("the client hung up")
        self._reader.forget()
        if self._pump is not None:
            self._pump.cancel()
        current, self._current = self._current, None
        if current is not None and current.on_gone is not None:
            gone, current.on_gone = current.on_gone, None
            gone()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.work()

    # What is to be done next.

    def work(self) -> None:
        """Parse, hand over, and parse on, as far as it goes now."""
        if self._working or self.lost:
            return
        self._working = True
        ready = self._reader.ready
        try:
            while True:
                if self._unparsed and len(ready) < _MOST_PENDING and not self._full():
                    self._parse()
                elif self._current is None and ready and not self.writing_paused:
                    self._hand_over(ready.popleft())
                else:
                    break
        finally:
            self._working = False
        if self._current is None and not ready:
            if self._last_words:
                words, self._last_words = self._last_words, b""
                self.transport.write(words)
                self._end()
            elif self._reader.continue_due:
                self._send_continue()
        self._regulate()

    def _full(self) -> bool:
        return self._reader.body is not None and self._reader.body.full

    def _regulate(self) -> None:
        """Read from the client, or do not."""
        hold = not self._deaf and (bool(self._reader.ready) or bool(self._unparsed) or self._full())
        if hold != self.held and self.hold(hold) and hold and not self._looking:
            self._look_later()

    def _look_later(self) -> None:
        self._looking = True
        self._loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._looking = False
        if not self.held or self.transport.is_closing():
            return
        state = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state in _HUNG_UP:
            self.transport.abort()
        else:
            self._look_later()

    def _parse(self) -> None:
        reader = self._reader
        try:
            read_bytes = reader.feed(self._unparsed[:_STEP_BYTES])
        except Refused as refused:
            self._refuse(refused)
            return
        self._deaf = reader.over
        self._unparsed = b"" if reader.over else self._unparsed[read_bytes:]
        if self._timer is not None and (reader.progress or not reader.in_head):
            self._stop_timer()
        if reader.in_head and self._timer is None:
            self._timer = self._loop.call_later(self._front.head_timeout_s, self._head_timeout)

    def _hand_over(self, exchange: Exchange) -> None:
        self._current = exchange
        if isinstance(exchange.body, IncomingBody):
            exchange.body = exchange.body.inline() or exchange.body
        if self._reader.continue_due and exchange is self._reader.arriving:
            self._send_continue()
        try:
            self._front.handler(exchange)
        except Exception as error:  # noqa: BLE001 - the client is answered, the loop's own handler reports it
            self._loop.call_exception_handler({"message": "a request's handler failed", "exception": error})
            exchange.respond_error(500, "internal error\n")

    def _send_continue(self) -> None:
        self._reader.continue_due = False
        self.transport.write(_CONTINUE)

    # How it ends.

    def _head_timeout(self) -> None:
        self._timer = None
        if self.held:  # it is not the client that is slow
            self._timer = self._loop.call_later(self._front.head_timeout_s, self._head_timeout)
            return
        self._refuse(Refused(408, "the head of the request did not come to its end\n"))
        self.work()

    def _refuse(self, refused: Refused) -> None:
        """Read no further. What came before is answered, then this is."""
        self._deaf, self._unread, self._unparsed = True, True, b""
        self._stop_timer()
        if not self._reader.stop():
            text = refused.text.encode()
            head = f"HTTP/1.1 {refused.status} {_PHRASES[refused.status]}\r\n{PLAIN_TEXT[0]}: {PLAIN_TEXT[1]}\r\n"
            self._last_words = f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n".encode() + text

    def _end(self) -> None:
        """Nothing more is answered. A client in the middle of a message could not read the answer if its connection
        were closed at once: what it sends would be met with a reset."""
        self._deaf, self._unparsed = True, b""
        self._reader.ready.clear()
        if not self._unread or self.transport.is_closing():
            self.transport.close()
            return
        self.transport.write_eof()
        self._stop_timer()
        self._timer = self._loop.call_later(LINGER_S, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def break_off(self, exchange: Exchange) -> None:
        """Abort, if that exchange's answer is under way."""
        if self._current is exchange:
            exchange.on_gone = None
            self.transport.abort()

    # Answers.

    def answer(
        self,
        exchange: Exchange,
        status: int,
        reason: str,
        headers: list[tuple[str, str]],
        body: Body | bytes | None,
    ) -> None:
        content, stream = parts(body)
        if self._current is not exchange or self.transport.is_closing():
            close(stream)
            return
        try:
            if not 200 <= status <= 599:
                raise UnsafeField(f"{status} is not the status of an answer")
            lines = field_lines(headers)
        except UnsafeField as error:
            close(stream)
            exchange.on_gone = None
            status, reason, stream, content = 500, "", None, f"{error}\n".encode()
            lines = field_lines([PLAIN_TEXT])
        length = len(content) if stream is None else stream.length
        if body is None and exchange.method == "HEAD":
            length = _content_length(headers)  # what a GET would have told is the handler's to say
        if exchange is self._reader.arriving and stream is None:
            exchange.keep_alive = False
        framing = _framing(exchange, status, length)
        if not reason or not reason.isascii() or not reason.isprintable():
            reason = _PHRASES.get(status, "")
        head = f"HTTP/1.1 {status} {reason}\r\n{lines}{framing}\r\n".encode("latin-1")
        if status in _BODILESS or exchange.method == "HEAD":
            close(stream)
            stream, content = None, b""
        if stream is None:
            self.transport.write(head + content)
            self._answered(exchange)
        else:
            self.transport.write(head)
            chunked = length is None and not exchange.http_1_0
            self._pump = self._loop.create_task(self._send(exchange, stream, chunked))

    async def _send(self, exchange: Exchange, body: Body, chunked: bool) -> None:
        sent = False
        try:
            with contextlib.suppress(ConnectionError):  # the client sees its connection break
                await self.send_body(body, chunked=chunked)
                sent = True
        finally:
            body.close()
            if not sent:
                self.break_off(exchange)
            elif self._current is exchange:
                self._pump = None
                self._answered(exchange)

    def _answered(self, exchange: Exchange) -> None:
        self._current = None
        exchange.on_gone = None
        if self._reader.arriving is exchange:
            self._unread = True
            self._end()
            close(self._reader.body)
        elif not exchange.keep_alive:
            self._end()
        self.work()


def _framing(exchange: Exchange, status: int, length: int | None) -> str:
    """The lines that tell the client where the answer ends, and whether another may follow."""
    lines = ""
    if status in _BODILESS:
        pass
    elif length is not None:
        lines = f"content-length: {length}\r\n"
    elif exchange.method != "HEAD":
        if exchange.http_1_0:
            exchange.keep_alive = False
        else:
            lines = "transfer-encoding: chunked\r\n"
    if not exchange.keep_alive:
        return lines + "connection: close\r\n"
    return lines + "connection: keep-alive\r\n" if exchange.http_1_0 else lines


def _content_length(headers: list[tuple[str, str]]) -> int | None:
    for name, value in headers:
        if name.lower() == "content-length" and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
    return None


class Front:
    """One listening server. `open` it first; `port` is asked of the system."""

    def __init__(self, host: str, handler: Handler, *, head_timeout_s: float = HEAD_TIMEOUT_S) -> None:
        self.handler = handler
        self.head_timeout_s = head_timeout_s
        self.authority = ""
        self.port = 0
        self.connections: set[_Connection] = set()
        self._host = host
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        # What the kernel takes in for a Worker that does not read; it would grow to many megabytes by itself.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        listener.bind((self._host, 0))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), sock=listener, backlog=4096)
        self.port = listener.getsockname()[1]
        self.authority = f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    def close(self) -> None:
        """Drop all: whoever is connected sees the connection break."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
