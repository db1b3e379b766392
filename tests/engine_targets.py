"""A small HTTP server of the engine's tests, whose connections do what a script says: well or badly.

Each connection is a thread with blocking sockets. All of it is gone when the `with` block ends.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loadgen.engine import Check, Endpoint

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HELLO = Check(body=b"hello")
"""What `OK` passes."""

_HEAD_END = b"\r\n\r\n"
_DEADLINE_S = 30.0


class Gone(Exception):
    """The client hung up."""


@dataclass
class Target:
    """`script` runs once for each connection, which is numbered from 0, and ends it by returning."""

    script: Callable[[Peer], None]
    endpoint: Endpoint = field(init=False)
    requests: list[bytes] = field(default_factory=list)
    """Heads, in the order in which they came."""
    accepted: int = 0
    _listener: socket.socket = field(init=False)
    _open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)
    context: ssl.SSLContext | None = None

    def die(self) -> None:
        """Stop listening and hang up on everyone, as a killed process does. Its port stays its own, and refuses."""
        self.closing.set()
        with self._lock:
            # A socket that listens wakes its `accept` by a shutdown, and refuses from then on.
            self._listener.shutdown(socket.SHUT_RDWR)
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                number, self.accepted = self.accepted, self.accepted + 1
                self._open.add(raw)
                if self.closing.is_set():
                    raw.shutdown(socket.SHUT_RDWR)
            thread = threading.Thread(target=self._serve, args=(raw, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        try:
            raw.settimeout(_DEADLINE_S)
            if raw.family != socket.AF_UNIX:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = raw if self.context is None else self.context.wrap_socket(raw, server_side=True)
            try:
                self.script(Peer(self, stream, number))
            finally:
                stream.close()
        except (Gone, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(raw)
            raw.close()


class Peer:
    """The server's end of one connection."""

    def __init__(self, target: Target, stream: socket.socket, number: int) -> None:
        self.target, self.stream, self.number = target, stream, number
        self._pending = b""

    def read(self) -> bytes:
        """The next request's head. Raises `Gone`."""
        while _HEAD_END not in self._pending:
            data = self.stream.recv(1 << 16)
            if not data:
                raise Gone
            self._pending += data
        head, _, self._pending = self._pending.partition(_HEAD_END)
        with self.target._lock:
            self.target.requests.append(head)
        return head

    def send(self, data: bytes) -> None:
        self.stream.sendall(data)

    def reset(self) -> None:
        """Close so that the client gets a RST."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()
        raise Gone


def answering(answer: bytes) -> Callable[[Peer], None]:
    """Answer each request with these bytes."""

    def script(peer: Peer) -> None:
        while True:
            peer.read()
            peer.send(answer)

    return script


def ending_with(answer: bytes) -> Callable[[Peer], None]:
    """Answer one request with these bytes, and close."""

    def script(peer: Peer) -> None:
        peer.read()
        peer.send(answer)

    return script


def silent(peer: Peer) -> None:
    """Read, and never answer."""
    while True:
        peer.read()


def anonymous_tls(side: ssl._SSLMethod) -> ssl.SSLContext:
    """TLS 1.2 with a cipher that needs no certificate, so that no key lies about in this folder."""
    context = ssl.SSLContext(side)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH:@SECLEVEL=0")
    if side is ssl.PROTOCOL_TLS_CLIENT:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.contextmanager
def serving(script: Callable[[Peer], None], *, unix_path: Path | None = None, tls: bool = False) -> Iterator[Target]:
    """A target on a port that the system chose, or on a unix socket."""
    target = Target(script)
    if unix_path is not None:
        target._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target._listener.bind(str(unix_path))
        target.endpoint = Endpoint(unix_path=str(unix_path))
    else:
        target._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target._listener.bind(("127.0.0.1", 0))
        port = target._listener.getsockname()[1]
        target.endpoint = Endpoint(port=port, tls=anonymous_tls(ssl.PROTOCOL_TLS_CLIENT) if tls else None)
    if tls:
        target.context = anonymous_tls(ssl.PROTOCOL_TLS_SERVER)
    target._listener.listen(256)
    accepting = threading.Thread(target=target._accept)
    accepting.start()
    try:
        yield target
    finally:
        with contextlib.suppress(OSError):
            target.die()
        accepting.join(_DEADLINE_S)
        for thread in target._threads:
            thread.join(_DEADLINE_S)
        target._listener.close()
        assert not any(thread.is_alive() for thread in (accepting, *target._threads))


@contextlib.contextmanager
def refusing() -> Iterator[Endpoint]:
    """A port that is taken, so that nobody else gets it, and that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield Endpoint(port=bound.getsockname()[1])
