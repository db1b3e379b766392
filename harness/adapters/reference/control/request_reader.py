"""From what a client sends to requests."""

from __future__ import annotations

import re
from collections import deque

import httptools

from harness.adapters.reference.control.bodies import HEAD_BYTES, HEAD_FIELDS, IncomingBody
from harness.adapters.reference.control.exchange import Client, Exchange

INLINE_BYTES = 64 << 10
"""Up to this content-length a request is handed over with its whole body."""

_NOTED = frozenset(("connection", "content-length", "expect", "host", "transfer-encoding"))
_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]+")
_ABSOLUTE = re.compile(rf"https?://({_AUTHORITY.pattern})((?:[/?].*)?)", re.IGNORECASE)


class Refused(Exception):
    """What the client sends is not to be read on."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class RequestReader:
    """Makes exchanges of what a client sends.

    `ready`: to be handed over, in order. `arriving`: the one whose message has not come to its end, `body` what of its
    body came in. `in_head`: a head has begun. `continue_due`: the client waits for 100 Continue. `over`: the client
    asked for the connection to be closed behind its last request. `progress`: the last feed ended a head or brought
    some of a body.
    """

    def __init__(self, connection: Client, authority: str) -> None:
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
        self._refusal: Refused | None = None

    def feed(self, data: bytes | memoryview) -> int:
        """How many bytes were read. Raises `Refused` for what is not to be read."""
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
                raise self._refusal or Refused(400, "malformed request\n") from None
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

    def _refused(self, status: int, text: str) -> Refused:
        # What a callback raises, the parser hides behind an error of its own.
        self._refusal = Refused(status, text)
        return self._refusal

    def _too_large(self) -> Refused:
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

    def __init__(self, reader: RequestReader) -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete


def _parser_within_body(reader: RequestReader, length: int | None) -> httptools.HttpRequestParser:
    framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    parser = httptools.HttpRequestParser(_BodyCallbacks(reader))
    parser.feed_data(b"POST / HTTP/1.1\r\nconnection: close\r\n%b\r\n\r\n" % framing)
    return parser
