"""An answer that is not whole, or not plain: put together by httptools, piece by piece."""

from __future__ import annotations

import httptools

from loadgen.engine.errors import ErrorClass

MOST_HEAD_BYTES = 64 << 10
MOST_BODY_BYTES = 64 << 20
"""Of a body that is to be checked; of others nothing is kept."""

_NO_BODY = frozenset({204, 304})


class Incoming:
    """One answer, its body left aside. After `feed`, `whole` says whether it is complete.

    `status` and `keep_alive` hold from then on. Interim answers (1xx) are passed
    over. Parser and object refer to each other, and no garbage collector runs: `close` must
    be called in the end.
    """

    __slots__ = (
        "_chunked",
        "_more",
        "_parser",
        "_started",
        "_until_close",
        "bytes_read",
        "content_length",
        "keep_alive",
        "kept_bytes",
        "status",
        "whole",
    )

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._chunked = False
        self._started = False
        self._until_close = False
        self._more = False
        self.kept_bytes = 0
        self.bytes_read = 0
        self.content_length: int | None = None
        self.status = 0
        self.keep_alive = True
        self.whole = False

    @property
    def body(self) -> bytes:
        """Empty: nobody asked for it."""
        return b""

    def close(self) -> None:
        self._parser = None

    def feed(self, data: bytes) -> ErrorClass | None:
        """What is wrong with the answer, if it shows by now. Bytes after its end are wrong."""
        self.bytes_read += len(data)
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return ErrorClass.MALFORMED
        if self._more:
            return ErrorClass.MALFORMED
        if self.kept_bytes > MOST_BODY_BYTES or (not self._started and self.bytes_read > MOST_HEAD_BYTES):
            return ErrorClass.TOO_LARGE
        return None

    def end(self) -> ErrorClass | None:
        """The peer closed: what is wrong with that; None when it makes the answer whole."""
        if self._started and self._until_close:
            self.whole, self.keep_alive = True, False
            return None
        return ErrorClass.CUT_SHORT if self._started and self.content_length is not None else ErrorClass.CLOSED

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.whole:
            self._more = True

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"content-length":
            self.content_length = int(value)
        elif lowered == b"transfer-encoding":
            self._chunked = value.lower().rstrip().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        if self._parser is None or self.whole:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._started = True
            self._until_close = self.content_length is None and self.status not in _NO_BODY and not self._chunked

    def on_message_complete(self) -> None:
        if self._parser is None or self.whole:
            return
        if self.status < 200:
            self.content_length, self._chunked = None, False
            return
        self.keep_alive = self._parser.should_keep_alive()
        self.whole = True


class IncomingWithBody(Incoming):
    """The same, with the body kept for a check."""

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        super().__init__()
        self._chunks: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self._chunks)

    def on_body(self, body: bytes) -> None:
        if self.kept_bytes <= MOST_BODY_BYTES:
            self._chunks.append(body)
            self.kept_bytes += len(body)
