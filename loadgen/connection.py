"""One kept-alive HTTP/1.1 connection to loopback, timed from the first byte sent to the last one received.

The sockets are `_socket`'s: the same unpatched ones in a process that Locust has patched and in one it has not. While a
request is under way the whole process waits for it, so that nothing of the generator runs inside a timed section.
"""

from __future__ import annotations

import _socket
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from loadgen.http_response import Malformed, ResponseParser

HOST = "127.0.0.1"

REQUEST_DEADLINE_S = 10.0
"""Safety deadline of one request: far beyond any honest answer, so that a hang ends."""


class Failed(Exception):
    """The request got no whole response; the text is the class of the error, to be counted under."""


class Gone(Exception):
    """Nothing accepts a connection at that address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and its response."""

    elapsed_ns: int
    status: int
    body: bytes


def get(port: int, path: str, headers: Mapping[str, str] = {}) -> bytes:
    """The bytes of a GET request."""
    lines = [f"GET {path} HTTP/1.1", f"host: {HOST}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class Connection:
    """Connects when first used, and anew after a failure or a close; connecting is never part of a timed section.

    So it does when the peer hung up between two requests, as most servers do after some idle seconds.
    """

    def __init__(self, port: int, *, deadline_s: float = REQUEST_DEADLINE_S) -> None:
        self.port = port
        self._deadline_s = deadline_s
        self._socket: _socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def connect(self) -> None:
        """Be connected. Raises `Gone`."""
        if self._hung_up():
            self.close()
        if self._socket is not None:
            return
        connecting = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            connecting.settimeout(self._deadline_s)
            connecting.connect((HOST, self.port))
            connecting.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except OSError as error:
            connecting.close()
            raise Gone(f"port {self.port}: {error.strerror or error}") from error
        self._socket = connecting

    def _hung_up(self) -> bool:
        """Whether the peer closed meanwhile, or talks without being asked."""
        if self._socket is None:
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            self._socket.settimeout(self._deadline_s)
            return False
        except OSError:
            return True
        return True

    def exchange(self, request: bytes) -> Exchange:
        """Send `request` and take the whole response.

        Raises `Gone` when it cannot connect, and `Failed` when there is no whole response in time.
        """
        self.connect()
        try:
            return self._exchange(request)
        except BaseException:
            self.close()
            raise

    def _exchange(self, request: bytes) -> Exchange:
        connected = self._socket
        assert connected is not None
        parser = ResponseParser()
        clock = time.monotonic_ns
        whole = False
        begun_ns = clock()
        deadline_ns = begun_ns + int(self._deadline_s * 1e9)
        try:
            connected.sendall(request)
            while not whole:
                data = connected.recv(1 << 16)
                now_ns = clock()
                whole = parser.feed(data) if data else parser.end()
                if not data and not whole:
                    raise Failed("connection closed")
                if now_ns > deadline_ns:
                    raise Failed("deadline exceeded")
        except TimeoutError:
            raise Failed("deadline exceeded") from None
        except OSError:
            raise Failed("connection closed") from None
        except Malformed as error:
            raise Failed(f"malformed response: {error}") from None
        if not parser.keep_alive:
            self.close()
        return Exchange(elapsed_ns=now_ns - begun_ns, status=parser.status, body=parser.body)


class Connections:
    """One connection per port, closed together."""

    def __init__(self) -> None:
        self._by_port: dict[int, Connection] = {}

    def to(self, port: int) -> Connection:
        return self._by_port.setdefault(port, Connection(port))

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._by_port.values():
            with contextlib.suppress(OSError):
                connection.close()
