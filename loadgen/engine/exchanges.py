"""The lives of requests: sent, answered or failed. The hot loops do the plain ones themselves and hand over the rest.

Nothing here connects: a connection that ends is made anew between two polls, so no call leads back into itself.
"""

from __future__ import annotations

import select
import time
from typing import Protocol

from loadgen.engine.books import Books
from loadgen.engine.errors import ErrorClass, of_exchange
from loadgen.engine.incoming import Incoming, IncomingWithBody
from loadgen.engine.links import Link, State, unusual
from loadgen.engine.pool import Lifecycle, Pool
from loadgen.engine.verdicts import Judged

READ_BYTES = 1 << 14
"""What the hot loops read at once: more than most answers have, and little to allocate."""

_READ_MORE_BYTES = 1 << 18


class Owner(Lifecycle, Protocol):
    """The loop."""

    def free(self, link: Link, now_ns: int) -> None:
        """A request ended and its connection may carry the next."""
        ...


class Exchanges:
    """`attend` takes any event that the hot loop does not deal with; it never raises what the target caused."""

    def __init__(self, pool: Pool, books: Books, *, epoll: select.epoll, timeout_ns: int, closed: bool) -> None:
        self.owner: Owner
        self._pool = pool
        self._board = pool.board
        self._books = books
        self._epoll = epoll
        self._timeout_ns = timeout_ns
        self._due_ns = self._board.sent_ns if closed else self._board.due_ns

    def send(self, link: Link, request: bytes, now_ns: int) -> None:
        """Send a request on a ready, free connection."""
        fd, board = link.fd, self._board
        board.sent_ns[fd] = now_ns
        try:
            sent_bytes = board.send[fd](request)
        except BlockingIOError:
            sent_bytes = 0
        except OSError as error:
            self.broke(fd, error)
            return
        if sent_bytes != len(request):
            self.partly_sent(fd, request, sent_bytes)

    def partly_sent(self, fd: int, request: bytes, sent_bytes: int) -> None:
        """The kernel took only so many bytes; -1 means that the wire holds the rest."""
        link = self._board.links[fd]
        assert link is not None
        link.unsent = memoryview(request)[sent_bytes:] if sent_bytes >= 0 else memoryview(b"")
        self._board.recv[fd] = unusual
        self._epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT)

    def broke(self, fd: int, error: OSError) -> None:
        """Sending or receiving raised."""
        link = self._board.links[fd]
        if link is not None:
            self.fail(link, of_exchange(error))

    def fail(self, link: Link, error: str) -> None:
        """End a connection, and with it the request under way on it, if one is."""
        if self._board.sent_ns[link.fd] > 0:
            self._books.wrong(error, self._due_ns[link.fd])
        self._pool.lose(link)

    def attend(self, fd: int, data: bytes | None) -> None:
        """An event of a descriptor, with what was read from it; None when nothing was, and it is to be read here."""
        link = self._board.links[fd]
        if link is None:
            return  # the timer, or a connection that ended in this batch of events
        if link.state is not State.READY:
            self._pool.advance(link, time.monotonic_ns())
            return
        assert link.wire is not None
        try:
            if link.unsent is not None:
                self._send_rest(link)
            if data is None:
                data = link.wire.recv(_READ_MORE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.broke(fd, error)
            return
        if self._board.sent_ns[fd] <= 0:
            self._pool.lose(link)  # the peer closed an idle connection, or talks without being asked
        elif data:
            self._take_in(link, data)
        else:
            self._take_end(link)

    def finish(self, fd: int, judged: Judged) -> None:
        """The request under way on this descriptor has its whole answer."""
        error, keep_alive, size_bytes = judged
        board, now_ns = self._board, time.monotonic_ns()
        link = board.links[fd]
        assert link is not None
        due_ns = self._due_ns[fd]
        if error is None:
            self._books.right(due_ns, board.sent_ns[fd], now_ns, size_bytes)
        else:
            self._books.wrong(error, due_ns)
        board.sent_ns[fd] = -now_ns
        if link.incoming is not None:
            link.incoming.close()
            link.incoming = None
        if not keep_alive or link.unsent is not None:
            self._pool.lose(link)
            return
        assert link.wire is not None
        board.recv[fd] = link.wire.recv
        self.owner.free(link, now_ns)

    def sweep(self, now_ns: int) -> None:
        """Fail what takes longer than the time-out."""
        before_ns, sent_ns = now_ns - self._timeout_ns, self._board.sent_ns
        for link in [each for each in self._pool.busy() if sent_ns[each.fd] < before_ns]:
            self.fail(link, ErrorClass.TIMEOUT)
        for link in self._pool.overdue(before_ns):
            self._pool.give_up(link, ErrorClass.CONNECT_FAILED, now_ns)

    def slow_down(self) -> None:
        """Have the answers to all requests under way counted here, which tells warm-up from measured ones."""
        for link in self._pool.busy():
            self._board.recv[link.fd] = unusual

    def _send_rest(self, link: Link) -> None:
        assert link.unsent is not None
        assert link.wire is not None
        if link.unsent:
            try:
                sent_bytes = link.wire.send(link.unsent)
            except BlockingIOError:
                return
            link.unsent = link.unsent[sent_bytes:] if sent_bytes >= 0 else memoryview(b"")
        if not link.unsent and link.wire.flush():
            link.unsent = None
            self._epoll.modify(link.fd, select.EPOLLIN)

    def _take_in(self, link: Link, data: bytes) -> None:
        verdicts, incoming, only_piece = self._board.verdicts[link.fd], link.incoming, None
        if incoming is None:
            judged = verdicts.look_up(data)
            if judged is not None:
                self.finish(link.fd, judged)
                return
            incoming = link.incoming = IncomingWithBody() if verdicts.needs_body else Incoming()
            only_piece = data
        error = incoming.feed(data)
        if error is not None:
            self.fail(link, error)
        elif incoming.whole:
            self.finish(link.fd, verdicts.judge(incoming, only_piece))
        else:
            self._board.recv[link.fd] = unusual

    def _take_end(self, link: Link) -> None:
        incoming = link.incoming
        error = ErrorClass.CLOSED if incoming is None else incoming.end()
        if incoming is None or error is not None:
            self.fail(link, error or ErrorClass.CLOSED)
        else:
            self.finish(link.fd, self._board.verdicts[link.fd].judge(incoming, None))
