"""The two kinds of connected stream: a plain socket, and TLS over one. Neither ever blocks."""

from __future__ import annotations

import _socket
import errno
import ssl
from collections.abc import Callable
from typing import Protocol

from loadgen.engine import native
from loadgen.engine.endpoint import Endpoint

_RECORD_BYTES = 1 << 16


class Wire(Protocol):
    """`recv` and `send` are as a non-blocking socket's: they raise `BlockingIOError`, or `OSError` when it is over."""

    recv: Callable[[int], bytes]
    send: Callable[[bytes | memoryview], int]

    def shake_hands(self) -> bool:
        """Whether requests may be sent; to be asked again when bytes have come. Raises `OSError`."""
        ...

    def flush(self) -> bool:
        """Whether all that `send` took is with the kernel."""
        ...


class Plain:
    """A socket's own methods: nothing stands between them and the hot loop."""

    def __init__(self, connected: _socket.socket) -> None:
        self.recv: Callable[[int], bytes] = connected.recv
        self.send: Callable[[bytes | memoryview], int] = connected.send

    def shake_hands(self) -> bool:
        return True

    def flush(self) -> bool:
        return True


class Tls:
    """TLS by way of memory: the socket stays ours, and gevent's `ssl.SSLSocket` out of it."""

    def __init__(self, connected: _socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._socket = connected
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._pending = b""
        self._ended = False
        self.recv: Callable[[int], bytes] = self._recv
        self.send: Callable[[bytes | memoryview], int] = self._send

    def shake_hands(self) -> bool:
        self._fill()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()
        return True

    def flush(self) -> bool:
        self._pending += self._outgoing.read()
        while self._pending:
            try:
                sent = self._socket.send(self._pending)
            except BlockingIOError:
                return False
            self._pending = self._pending[sent:]
        return True

    def _fill(self) -> None:
        """Take what the socket has."""
        while True:
            try:
                data = self._socket.recv(_RECORD_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._incoming.write_eof()
                return
            self._incoming.write(data)
            if len(data) < _RECORD_BYTES:
                return

    def _recv(self, most_bytes: int) -> bytes:
        """All there is, even beyond `most_bytes`: what stayed in memory would wake nobody. Empty at the end.

        The end that comes with bytes is told by the next call: a socket at its end stays readable.
        """
        self._fill()
        pieces = []
        while not self._ended:
            try:
                piece = self._tls.read(most_bytes)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                piece = b""
            self._ended = not piece
            pieces.append(piece)
        if not pieces and not self._ended:
            raise BlockingIOError
        return b"".join(pieces)

    def _send(self, data: bytes | memoryview) -> int:
        """How much was taken in: all of it, or -1 when it was, and some waits for `flush`."""
        taken = self._tls.write(data)
        return taken if self.flush() else -1


def connecting(endpoint: Endpoint) -> _socket.socket:
    """A non-blocking socket whose connection is made, or under way. Raises `OSError`."""
    if endpoint.unix_path is not None:
        made = native.new_socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        address: str | tuple[str, int] = endpoint.unix_path
    else:
        made = native.new_socket(_socket.AF_INET6 if ":" in endpoint.host else _socket.AF_INET, _socket.SOCK_STREAM)
        address = (endpoint.host, endpoint.port)
    try:
        made.setblocking(False)
        if endpoint.unix_path is None:
            made.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        made.connect(address)
    except BlockingIOError as error:
        # EAGAIN is a unix socket's full backlog: nothing is under way, and nothing will come.
        if error.errno != errno.EINPROGRESS:
            made.close()
            raise
    except BaseException:
        made.close()
        raise
    return made
