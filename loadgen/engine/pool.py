"""The lives of connections: made without ever blocking, given up, and tried again with growing pauses.

Sockets are made in `open_and_retry` only, which the loops call between two batches of events: so no descriptor changes
its meaning within a batch.
"""

from __future__ import annotations

import _socket
import errno
import select
from collections.abc import Iterator
from typing import Protocol

from harness.errors import UsageError
from loadgen.engine.books import Books
from loadgen.engine.endpoint import Endpoint
from loadgen.engine.errors import ErrorClass, of_connecting
from loadgen.engine.links import Board, Link, State
from loadgen.engine.wire import Plain, Tls, connecting

FIRST_BACK_OFF_NS = 10_000_000
LONGEST_BACK_OFF_NS = 500_000_000

_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
"""Of this process, or of the machine: nothing the target did."""

_PENDING = frozenset({State.CONNECTING, State.SHAKING_HANDS})
_READ_AND_WRITE = select.EPOLLIN | select.EPOLLOUT


class Lifecycle(Protocol):
    """What a loop does when a connection changes."""

    def ready(self, link: Link) -> None:
        """The connection may carry a request."""
        ...

    def lost(self, link: Link) -> None:
        """It may not any more; its descriptor still says which it was."""
        ...

    def unreachable(self, error: ErrorClass) -> None:
        """An attempt to connect failed."""
        ...


class Pool:
    """All connections of a plan. `restless` holds those to be connected before the next poll."""

    def __init__(self, endpoint: Endpoint, connections: int, *, epoll: select.epoll, books: Books) -> None:
        self.board = Board()
        self.links = [Link(number) for number in range(connections)]
        self.restless = list(self.links)
        self.ready_count = 0
        self.broken: ErrorClass | None = None
        """Why the latest attempt failed, while there is no connection, made or in the making."""
        self.owner: Lifecycle
        self._endpoint = endpoint
        self._epoll = epoll
        self._books = books
        self._waiting: list[Link] = []
        self._pending = 0

    @property
    def settled(self) -> bool:
        """Whether no connection is in the making."""
        return not self.restless and not self._pending

    def busy(self) -> Iterator[Link]:
        """Those with a request under way."""
        sent_ns = self.board.sent_ns
        return (link for link in self.links if link.state is State.READY and sent_ns[link.fd] > 0)

    def open_and_retry(self, now_ns: int) -> None:
        """Begin to connect what is to be connected."""
        todo = self.restless[:]
        self.restless.clear()
        for link in todo:
            self._open(link, now_ns)

    def wake(self, now_ns: int) -> None:
        """Make those restless whose pause is over."""
        if self._waiting:
            self.restless += [link for link in self._waiting if link.retry_at_ns <= now_ns]
            self._waiting = [link for link in self._waiting if link.retry_at_ns > now_ns]

    def wake_all(self) -> None:
        """Try them all again, whatever their pauses."""
        self.restless += self._waiting
        self._waiting = []

    def overdue(self, before_ns: int) -> list[Link]:
        """Those that began to connect before that, and are not ready yet."""
        if not self._pending:
            return []
        return [link for link in self.links if link.state in _PENDING and link.began_ns < before_ns]

    def advance(self, link: Link, now_ns: int) -> None:
        """Go on with connecting, after an event."""
        assert link.socket is not None
        try:
            if link.state is State.CONNECTING:
                number = link.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
                if number:
                    raise OSError(number, "connect")
                link.state = State.SHAKING_HANDS
                self._epoll.modify(link.fd, select.EPOLLIN)
            assert link.wire is not None
            if not link.wire.shake_hands():
                return
        except OSError as error:
            self.give_up(link, of_connecting(error), now_ns)
            return
        self._become_ready(link)

    def give_up(self, link: Link, error: ErrorClass, now_ns: int) -> None:
        """End an attempt to connect, and pause before the next."""
        self._pending -= 1
        self._close(link)
        self._pause(link, now_ns)
        self._failed(error)

    def lose(self, link: Link) -> None:
        """Close a connection that was ready; it is made anew before the next poll."""
        self.ready_count -= 1
        self.owner.lost(link)
        self._close(link)
        self.restless.append(link)

    def close(self) -> None:
        for link in self.links:
            if link.socket is not None:
                self._close(link)

    def _open(self, link: Link, now_ns: int) -> None:
        try:
            made = connecting(self._endpoint)
        except OSError as error:
            if error.errno in _OUT_OF_DESCRIPTORS:
                raise UsageError(
                    f"no open file is left for connection {link.number + 1} of {len(self.links)}: {error.strerror}",
                    expected="room for every connection, as there was at the start",
                    remedy="use fewer connections, or raise the limit with `ulimit -n`",
                ) from error
            self._pause(link, now_ns)
            self._failed(of_connecting(error))
            return
        link.socket, link.fd, link.began_ns = made, made.fileno(), now_ns
        tls = self._endpoint.tls
        link.wire = Plain(made) if tls is None else Tls(made, tls, self._endpoint.host)
        link.state = State.CONNECTING
        self._pending += 1
        self.broken = None
        self.board.place(link.fd, link)
        self._epoll.register(link.fd, _READ_AND_WRITE)

    def _become_ready(self, link: Link) -> None:
        wire, board = link.wire, self.board
        assert wire is not None
        self._pending -= 1
        self.ready_count += 1
        self._books.now.connects += 1
        self._books.now.reconnects += link.was_ready
        link.state, link.was_ready, link.back_off_ns = State.READY, True, 0
        board.recv[link.fd] = wire.recv
        board.send[link.fd] = wire.send
        self.owner.ready(link)

    def _close(self, link: Link) -> None:
        """Closing takes the descriptor out of the epoll too."""
        assert link.socket is not None
        self.board.clear(link.fd)
        link.socket.close()
        if link.incoming is not None:
            link.incoming.close()
        link.socket = link.wire = link.incoming = link.unsent = None
        link.state, link.fd = State.DOWN, -1

    def _pause(self, link: Link, now_ns: int) -> None:
        link.back_off_ns = min(max(FIRST_BACK_OFF_NS, 2 * link.back_off_ns), LONGEST_BACK_OFF_NS)
        link.retry_at_ns = now_ns + link.back_off_ns
        self._waiting.append(link)

    def _failed(self, error: ErrorClass) -> None:
        if not self.ready_count and not self._pending:
            self.broken = error
        self.owner.unreachable(error)
