"""The HTTP front: clients' requests in, answers out. No policy: what a request comes to is its handler's.

Written for speed: a request whose handler answers by callback costs no task, and an answer that is there as a whole is
one write. A client takes up no more than its connection, a head, and `HOLD_BYTES` and one read of the socket of a body.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

import httptools

from harness.adapters.reference.control.bodies import (
    HEAD_BYTES,
    HEAD_FIELDS,
    Body,
    FlowProtocol,
    IncomingBody,
    InlineBody,
    UnsafeField,
    field_lines,
)

INLINE_BYTES = 64 << 10
"""Up to this content-length a request is handed over with its whole body."""

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
_NOTED = frozenset(("connection", "content-length", "expect", "host", "transfer-encoding"))
_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]+")
_ABSOLUTE = re.compile(rf"https?://({_AUTHORITY.pattern})((?:[/?].*)?)", re.IGNORECASE)
_BODILESS = frozenset((204, 304))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PLAIN_TEXT = ("content-type", "text/plain; charset=utf-8")


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
        self, connection: _Connection, method: str, target: str, authority: str, headers: list[tuple[str, str]]
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
            _close(_parts(body)[1])

    def respond_error(self, status: int, text: str) -> None:
        """Answer in plain text. An answer that is under way breaks off, so that the client sees it."""
        if self._answered:
            self._connection.break_off(self)
        else:
            self.respond(status, "", [_PLAIN_TEXT], text.encode("utf-8", "replace"))


Handler = Callable[[Exchange], None]


class _Refused(Exception):
    """What the client sends is not to be read on."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class _RequestReader:
    """Makes exchanges of what a client sends.

    `ready`: to be handed over, in order. `arriving`: the one whose message has not come to its end, `body` what of its
    body came in. `in_head`: a head has begun. `continue_due`: the client waits for 100 Continue. `over`: the client
    asked for the connection to be closed behind its last request. `progress`: the last feed ended a head or brought
    some of a body.
    """

    def __init__(self, connection: _Connection, authority: str) -> None:
        self._connection = connection
        self._default_authority = authority
        self._parser = httptools.HttpRequestParser(self)
        self.ready: deque[Exchange] = deque()
        self.arriving: Exchange | None = None
        self.body: IncomingBody | None = None
        self.in_head = False
        self.continue_due = False
        self.over = False
        self._whole_first = False
        self.progress = False
        self._upgrading = False
        self._stuck_bytes = 0
        self._refusal: _Refused | None = None

    def feed(self, data: bytes | memoryview) -> int:
        """How many bytes were read. Raises `_Refused` for what is not to be read."""
        read_bytes = len(data)
        self.progress = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The parser takes the rest for another protocol. Nothing is upgraded here: it is HTTP as before.
            read_bytes = upgrade.args[0]
            if self._upgrading:
                self._upgrading = False
                self._parser = _parser_within_body(self, self._length)
        except httptools.HttpParserError:
            if not self.over:
                raise self._refusal or _Refused(400, "malformed request\n") from None
        if self.progress:
            self._stuck_bytes = 0
        else:  # a head, a field or a chunk's extension without end
            self._stuck_bytes += read_bytes
            if self._stuck_bytes > HEAD_BYTES:
                raise self._too_large()
        return read_bytes

    def stop(self) -> bool:
        """Read no more. Whether the arriving message belongs to an exchange that is handed over all the same."""
        exchange, body = self.arriving, self.body
        self.arriving = self.body = None
        self.in_head = self.continue_due = False
        if exchange is None or body is None or self._whole_first:
            return False
        exchange.keep_alive = False
        body.fail("the rest of the request is malformed")
        return True

    def forget(self) -> None:
        """Its parser and it hold each other."""
        del self._parser

    def _refused(self, status: int, text: str) -> _Refused:
        # What a callback raises, the parser hides behind an error of its own.
        self._refusal = _Refused(status, text)
        return self._refusal

    def _too_large(self) -> _Refused:
        return self._refused(431, "the head of the request is too large\n")

    # Called by the parser.

    def on_message_begin(self) -> None:
        self.in_head = True
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._authority = ""
        self._length: int | None = None
        self._chunked = False
        self._expects = False
        self._plainly_1_1 = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes + len(self._url) > HEAD_BYTES or len(self._headers) >= HEAD_FIELDS:
            raise self._too_large()
        if self.arriving is not None:
            return  # behind a body: nobody asked for trailers
        field = (name.lower().decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
        self._headers.append(field)
        if field[0] in _NOTED:
            self._note(*field)

    def _note(self, name: str, value: str) -> None:
        if name == "content-length":
            self._length = int(value)
        elif name == "connection":
            self._plainly_1_1 = False
        elif name == "expect":
            self._expects = value.lower() == "100-continue"
        elif name == "transfer-encoding":
            if self._chunked or value.lower() != "chunked":
                raise self._refused(501, "no transfer coding but chunked is understood\n")
            self._chunked = True
        elif self._authority or (value and not _AUTHORITY.fullmatch(value)):
            raise self._refused(400, "malformed Host header\n")
        else:
            self._authority = value

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.progress = True
        parser = self._parser
        method, keep_alive = parser.get_method().decode(), parser.should_keep_alive()
        # Kept alive without a Connection header is what HTTP/1.1 is by itself; asking for the version is slow.
        http_1_1 = (keep_alive and self._plainly_1_1) or parser.get_http_version() == "1.1"
        if not http_1_1 and (self._chunked or parser.get_http_version() != "1.0"):
            raise self._refused(400, "malformed request\n")
        if method == "CONNECT":
            raise self._refused(501, "this is no proxy\n")
        target, authority = self._url.decode(), self._authority or self._default_authority
        if not target.startswith("/"):
            target, authority = self._parted(target)
        self.arriving = exchange = Exchange(self._connection, method, target, authority, self._headers)
        exchange.http_1_0 = not http_1_1
        exchange.keep_alive = keep_alive
        if not self._chunked and not self._length:
            return
        exchange.body = self.body = IncomingBody(self._length, self._connection.work)
        self.continue_due = self._expects and not exchange.http_1_0
        self._whole_first = self._length is not None and self._length <= INLINE_BYTES
        self._upgrading = parser.should_upgrade()
        if self._upgrading:
            exchange.keep_alive = False
        if not self._whole_first:
            self.ready.append(exchange)

    def _parted(self, target: str) -> tuple[str, str]:
        """An absolute URL as target and authority (RFC 9112, 3.2.2)."""
        url = _ABSOLUTE.fullmatch(target)
        if url is None:
            raise self._refused(400, "malformed request target\n")
        return url[2] if url[2].startswith("/") else "/" + url[2], url[1]

    def on_body(self, chunk: bytes) -> None:
        self.progress = True
        self.continue_due = False
        if self.body is not None:
            self.body.feed(chunk)

    def on_message_complete(self) -> None:
        self.progress = True
        if self._upgrading:
            return  # the parser has left the body out
        exchange, body = self.arriving, self.body
        assert exchange is not None
        self.arriving = self.body = None
        self.continue_due = False
        self.over = not exchange.keep_alive
        if body is None:
            self.ready.append(exchange)
            return
        body.end()
        if self._whole_first:
            exchange.body = body.inline()
            self.ready.append(exchange)


class _BodyCallbacks:
    """Stands between a parser and a reader for a body whose head another parser has read."""

    def __init__(self, reader: _RequestReader) -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete


def _parser_within_body(reader: _RequestReader, length: int | None) -> httptools.HttpRequestParser:
    framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    parser = httptools.HttpRequestParser(_BodyCallbacks(reader))
    parser.feed_data(b"POST / HTTP/1.1\r\nconnection: close\r\n%b\r\n\r\n" % framing)
    return parser


class _Connection(FlowProtocol):
    """One client. Its requests are handed over one after another, each when the one before is answered."""

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._reader = _RequestReader(self, front.authority)
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
        except _Refused as refused:
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
        self._refuse(_Refused(408, "the head of the request did not come to its end\n"))
        self.work()

    def _refuse(self, refused: _Refused) -> None:
        """Read no further. What came before is answered, then this is."""
        self._deaf, self._unread, self._unparsed = True, True, b""
        self._stop_timer()
        if not self._reader.stop():
            text = refused.text.encode()
            head = f"HTTP/1.1 {refused.status} {_PHRASES[refused.status]}\r\n{_PLAIN_TEXT[0]}: {_PLAIN_TEXT[1]}\r\n"
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
        content, stream = _parts(body)
        if self._current is not exchange or self.transport.is_closing():
            _close(stream)
            return
        try:
            if not 200 <= status <= 599:
                raise UnsafeField(f"{status} is not the status of an answer")
            lines = field_lines(headers)
        except UnsafeField as error:
            _close(stream)
            exchange.on_gone = None
            status, reason, stream, content = 500, "", None, f"{error}\n".encode()
            lines = field_lines([_PLAIN_TEXT])
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
            _close(stream)
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
            _close(self._reader.body)
        elif not exchange.keep_alive:
            self._end()
        self.work()


def _parts(body: Body | bytes | None) -> tuple[bytes, Body | None]:
    """What is there of a body at once, and what is to come."""
    if body is None:
        return b"", None
    if isinstance(body, bytes):
        return body, None
    return (body.take(), None) if isinstance(body, InlineBody) else (b"", body)


def _close(body: Body | None) -> None:
    if body is not None:
        body.close()


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
