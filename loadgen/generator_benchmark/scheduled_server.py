"""A server of 12 bytes that stands still by schedule: `python -m loadgen.generator_benchmark.scheduled_server`.

Arguments: descriptor of a listening socket, period and stall in milliseconds (a stall of 0: it never stands still). It
answers every GET with the same bytes, but `/count` with the number of requests it answered, as nginx's stub_status
words it. One thread, epoll, nothing in a request's way: when a stall ends, what has queued up must drain fast, or its
own slowness would be in the figures.
"""

from __future__ import annotations

import gc
import select
import socket
import sys
import time

BODY = b"hello world\n"

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
_END = b"\r\n\r\n"
_COUNT = b"GET /count "
_NS_PER_MS = 1_000_000
_SPIN_NS = 2 * _NS_PER_MS
"""epoll waits whole milliseconds; a stall must begin on time to the microsecond."""


class Server:
    """Serves until the process is ended. A client that sends what is no request is hung up on."""

    def __init__(self, listening: socket.socket, *, period_ns: int, stall_ns: int) -> None:
        self._listening = listening
        self._period_ns = period_ns
        self._stall_ns = stall_ns
        self._answer = _HEAD % len(BODY) + BODY
        self._served = 0
        self._connections: dict[int, socket.socket] = {}
        self._partial: dict[int, bytes] = {}
        self._poll = select.epoll()

    def run(self) -> None:
        self._listening.setblocking(False)
        self._poll.register(self._listening.fileno(), select.EPOLLIN)
        stall_ns = time.monotonic_ns() + self._period_ns - self._stall_ns
        while True:
            timeout = -1.0
            if self._stall_ns:
                left_ns = stall_ns - time.monotonic_ns()
                if left_ns <= 0:
                    self._stand_still(stall_ns + self._stall_ns)
                    stall_ns += self._period_ns
                    continue
                timeout = 0.0 if left_ns < _SPIN_NS else (left_ns - _SPIN_NS) / 1e9
            for fd, _ in self._poll.poll(timeout, 512):
                if fd in self._connections:
                    self._take(fd)
                else:
                    self._accept()

    @staticmethod
    def _stand_still(until_ns: int) -> None:
        left_ns = until_ns - time.monotonic_ns()
        if left_ns > _SPIN_NS:
            time.sleep((left_ns - _SPIN_NS) / 1e9)
        while time.monotonic_ns() < until_ns:
            pass

    def _accept(self) -> None:
        try:
            connected, _ = self._listening.accept()
        except OSError:  # it is gone again, or there are no descriptors left: the client sees which
            return
        connected.setblocking(False)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connected.fileno()] = connected
        self._poll.register(connected.fileno(), select.EPOLLIN)

    def _take(self, fd: int) -> None:
        connected = self._connections[fd]
        try:
            data = connected.recv(1 << 14)
            if self._partial:
                data = self._partial.pop(fd, b"") + data if data else b""
            if not data:
                self._hang_up(fd)
            elif data[-4:] == _END and data[:5] == b"GET /" and len(data) < 1 << 16:
                self._served += data.count(_END)
                connected.send(self._told() if data.startswith(_COUNT) else self._answer * data.count(_END))
            elif data[:5] == b"GET /"[: len(data)] and len(data) < 1 << 16:
                self._partial[fd] = data
            else:
                self._hang_up(fd)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up(fd)

    def _told(self) -> bytes:
        text = f"server accepts handled requests\n 0 0 {self._served} \n".encode("ascii")
        return _HEAD % len(text) + text

    def _hang_up(self, fd: int) -> None:
        self._partial.pop(fd, None)
        self._poll.unregister(fd)
        self._connections.pop(fd).close()


def main(arguments: list[str]) -> None:
    descriptor, period_ms, stall_ms = (int(word) for word in arguments)
    server = Server(socket.socket(fileno=descriptor), period_ns=period_ms * _NS_PER_MS, stall_ns=stall_ms * _NS_PER_MS)
    gc.disable()
    server.run()


if __name__ == "__main__":
    main(sys.argv[1:])
