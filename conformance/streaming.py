"""A client that sends a body without reading the answer, to see how much a runtime takes in before it passes any on."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

STALLED_S = 2.5
"""No byte taken for so long means that back-pressure holds the sender. A slow machine only makes `held_bytes` smaller
than it is when it stalls by itself this long, and the size of the body then still has to come out whole."""

DEADLINE_S = 240.0
_CHUNK = bytes(range(256)) * 256  # 64 KiB with a pattern, so that an altered byte shows


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What became of a body. `held_bytes`: taken in while nothing was read; `intact`: what came out is what went in."""

    held_bytes: int
    received_bytes: int
    intact: bool
    ending: str


class _Client:
    def __init__(self, url: str, path: str, body_bytes: int) -> None:
        parts = urlsplit(url)
        self.http = h11.Connection(our_role=h11.CLIENT)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=DEADLINE_S)
        self.socket.setblocking(False)
        self.body_bytes = body_bytes
        self.sent_bytes = 0
        self.received_bytes = 0
        self.intact = True
        headers = [("Host", parts.netloc), ("Content-Length", str(body_bytes)), ("Connection", "close")]
        request = h11.Request(method="POST", target=path, headers=headers)
        self._out = memoryview(self.http.send(request) or b"")

    def send_some(self) -> bool:
        """Send what the socket takes now; whether it took anything."""
        if not self._out and self.sent_bytes < self.body_bytes:
            piece = _CHUNK[: min(len(_CHUNK), self.body_bytes - self.sent_bytes)]
            self.sent_bytes += len(piece)
            self._out = memoryview(self.http.send(h11.Data(data=piece)) or b"")
            if self.sent_bytes == self.body_bytes:
                self.http.send(h11.EndOfMessage())
        try:
            taken = self.socket.send(self._out)
        except BlockingIOError:
            return False
        self._out = self._out[taken:]
        return True

    def unsent(self) -> bool:
        return bool(self._out) or self.sent_bytes < self.body_bytes

    def receive_some(self) -> str:
        """Read what is there; how the answer ended, or an empty string while it goes on."""
        data = self.socket.recv(1 << 18)
        self.http.receive_data(data)
        while True:
            event = self.http.next_event()
            if isinstance(event, h11.Data):
                self._check(bytes(event.data))
            elif isinstance(event, h11.Response) and event.status_code != 200:
                return f"status {event.status_code}"
            elif isinstance(event, h11.EndOfMessage):
                return "the answer ended"
            elif isinstance(event, h11.ConnectionClosed):
                return "the connection was closed"
            elif event is h11.NEED_DATA or event is h11.PAUSED:
                return ""

    def _check(self, data: bytes) -> None:
        offset = self.received_bytes % len(_CHUNK)
        expected = (_CHUNK[offset:] + _CHUNK * (len(data) // len(_CHUNK) + 1))[: len(data)]
        self.intact = self.intact and data == expected
        self.received_bytes += len(data)


def pass_through(url: str, path: str, body_bytes: int) -> Passage:
    """POST a body of that size to an echoing path: first only send until nothing more is taken, then read as well."""
    client = _Client(url, path, body_bytes)
    try:
        held_bytes = _send_until_stalled(client)
        ending = _finish(client)
    except (OSError, h11.RemoteProtocolError) as error:
        held_bytes, ending = client.sent_bytes, f"{type(error).__name__}: {error}"
    finally:
        client.socket.close()
    return Passage(held_bytes=held_bytes, received_bytes=client.received_bytes, intact=client.intact, ending=ending)


def _send_until_stalled(client: _Client) -> int:
    while client.unsent():
        if not select.select([], [client.socket], [], STALLED_S)[1]:
            break
        client.send_some()
    return client.sent_bytes


def _finish(client: _Client) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        wanting = [client.socket] if client.unsent() else []
        readable, writable, _ = select.select([client.socket], wanting, [], DEADLINE_S)
        if writable:
            client.send_some()
        if readable:
            ending = client.receive_some()
            if ending:
                return ending
    return f"no end within {DEADLINE_S:g} s"
