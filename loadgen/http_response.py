"""One HTTP/1.1 response, taken from bytes as they come (RFC 9112): Content-Length, chunked, or up to the close.

Small on purpose: the client sends one request at a time, never HEAD or CONNECT, and every body is checked whole.
"""

from __future__ import annotations

MOST_HEAD_BYTES = 64 << 10
MOST_BODY_BYTES = 16 << 20

_NO_BODY = frozenset({204, 304})


class Malformed(Exception):
    """The bytes are not an HTTP/1.1 response, or too many."""


class ResponseParser:
    """Feed it bytes until it says the response is whole; then `status`, `body` and `keep_alive` hold."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.keep_alive = True
        self._buffer = bytearray()
        self._headers: dict[bytes, bytes] | None = None
        self._length: int | None = None
        self._chunked = False
        self._chunks: list[bytes] = []
        self._place = 0

    def feed(self, data: bytes) -> bool:
        """Whether the response is whole now. Raises `Malformed`."""
        self._buffer += data
        if len(self._buffer) > MOST_HEAD_BYTES + MOST_BODY_BYTES:
            raise Malformed("response too large")
        while self._headers is None:
            if not self._take_head():
                return False
        if self._chunked:
            return self._take_chunks()
        if self._length is None:
            return False
        if len(self._buffer) < self._place + self._length:
            return False
        return self._whole(bytes(self._buffer[self._place : self._place + self._length]), self._place + self._length)

    def end(self) -> bool:
        """The peer closed: whether that makes the response whole."""
        if self._headers is None or self._chunked or self._length is not None:
            return False
        self.keep_alive = False
        return self._whole(bytes(self._buffer[self._place :]), len(self._buffer))

    def _whole(self, body: bytes, end: int) -> bool:
        if len(self._buffer) > end:
            raise Malformed("bytes after the response")
        self.body = body
        return True

    def _take_head(self) -> bool:
        """Whether there was a head to take; an interim one (1xx) is skipped."""
        end = self._buffer.find(b"\r\n\r\n", self._place)
        if end < 0:
            if len(self._buffer) > MOST_HEAD_BYTES:
                raise Malformed("head too large")
            return False
        start_line, *lines = bytes(self._buffer[self._place : end]).split(b"\r\n")
        self._place = end + 4
        version, _, rest = start_line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not (rest[:3].isdigit() and rest[3:4] in (b" ", b"")):
            raise Malformed("no HTTP/1.1 status line")
        self.status = int(rest[:3])
        if self.status // 100 == 1:
            return True
        self._headers = dict(_header(line) for line in lines)
        self._frame(self._headers, version)
        return True

    def _frame(self, headers: dict[bytes, bytes], version: bytes) -> None:
        connection = headers.get(b"connection", b"").lower()
        self.keep_alive = b"close" not in connection and (version != b"HTTP/1.0" or b"keep-alive" in connection)
        length = headers.get(b"content-length")
        if self.status in _NO_BODY:
            self._length = 0
        elif b"transfer-encoding" in headers:
            if headers[b"transfer-encoding"].lower() != b"chunked" or length is not None:
                raise Malformed("ambiguous framing")
            self._chunked = True
        elif length is not None:
            if not length.isdigit() or int(length) > MOST_BODY_BYTES:
                raise Malformed("bad content-length")
            self._length = int(length)

    def _take_chunks(self) -> bool:
        while True:
            line_end = self._buffer.find(b"\r\n", self._place)
            if line_end < 0:
                return False
            size = _chunk_size(bytes(self._buffer[self._place : line_end]))
            start = line_end + 2
            if size == 0:
                return self._take_trailers(line_end)
            if len(self._buffer) < start + size + 2:
                return False
            if self._buffer[start + size : start + size + 2] != b"\r\n":
                raise Malformed("bad chunk")
            self._chunks.append(bytes(self._buffer[start : start + size]))
            self._place = start + size + 2

    def _take_trailers(self, line_end: int) -> bool:
        # The last chunk's own line end is the first half of the empty line, unless trailers stand between.
        end = self._buffer.find(b"\r\n\r\n", line_end)
        return end >= 0 and self._whole(b"".join(self._chunks), end + 4)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise Malformed("bad header line")
    return name.lower(), value.strip()


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        raise Malformed("bad chunk size") from None
    if size < 0 or size > MOST_BODY_BYTES or not digits.isalnum():
        raise Malformed("bad chunk size")
    return size
