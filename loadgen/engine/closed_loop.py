"""The closed loop: each connection sends its next request when it has the answer to the last."""

from __future__ import annotations

import time

from loadgen.engine.books import NEVER_NS
from loadgen.engine.errors import ErrorClass
from loadgen.engine.exchanges import READ_BYTES
from loadgen.engine.links import Link, State
from loadgen.engine.requests import One
from loadgen.engine.run import MOST_EVENTS, NS_PER_S, TICK_S, Run


class ClosedLoop:
    """Runs to the plan's `duration_s` or `count`, then waits for the answers under way."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._plan = run.plan
        self._books = run.books
        self._board = run.pool.board
        self._ask = run.plan.requests.next
        self._sending = False
        self._left: int | None = None
        """Requests that may still be begun; None for any number."""
        run.loop = run.pool.owner = run.exchanges.owner = self

    def settle(self) -> None:
        now = self._books.now
        under_way = sum(1 for _ in self._run.pool.busy())
        now.scheduled = now.requests + now.errors.total() + now.warm_up + under_way

    def ready(self, link: Link) -> None:
        self.free(link, time.monotonic_ns())

    def free(self, link: Link, now_ns: int) -> None:
        if not self._sending:
            return
        request = self._next(link.fd, link)
        if request is not None:
            self._run.exchanges.send(link, request, now_ns)

    def lost(self, link: Link) -> None:
        """What was under way is counted already."""

    def unreachable(self, error: ErrorClass) -> None:
        """A request that could not even be sent."""
        if self._sending and self._may_begin():
            self._books.wrong(error, time.monotonic_ns())

    def play(self) -> None:
        """The whole run: connect, warm up, measure, wait for what is under way."""
        run, plan, books = self._run, self._plan, self._books
        run.connect()
        start_ns = time.monotonic_ns()
        books.measured_from_ns = NEVER_NS
        if plan.warm_up_s:
            run.end_ns = start_ns + round(plan.warm_up_s * NS_PER_S)
            self._begin()
            self._hot()
        if not run.ending:
            # What was sent before this moment is warm-up; `measure` sees to it that its answers are told apart.
            books.measured_from_ns = time.monotonic_ns()
            run.measure(books.measured_from_ns)
            self._left = plan.count
            run.end_ns = NEVER_NS
            if plan.duration_s is not None:
                run.end_ns = books.measured_from_ns + round((plan.duration_s - plan.warm_up_s) * NS_PER_S)
            self._begin()
            self._hot()
        self._sending = False
        if self._left != 0:
            self._stop_the_clock()
        # Requests given by number end each in its own time; others are cut off by the drain.
        run.drain(plan.drain_s if plan.count is None else max(plan.drain_s, 2 * plan.timeout_s))
        books.now.censored = sum(1 for _ in run.pool.busy())
        # All of a number of requests was begun: the load is over with the end of the last one, and not before.
        self._stop_the_clock()
        self.settle()
        books.roll(time.monotonic_ns())
        books.finish()

    def _stop_the_clock(self) -> None:
        self.settle()
        self._books.stop_the_clock(time.monotonic_ns())

    def _begin(self) -> None:
        """Have all free connections send."""
        self._sending = True
        now_ns = time.monotonic_ns()
        for link in self._run.pool.links:
            if link.state is State.READY and self._board.sent_ns[link.fd] <= 0:
                self.free(link, now_ns)
        self._run.pool.wake_all()

    def _may_begin(self) -> bool:
        if self._left is None:
            return True
        if self._left == 0:
            self._run.end_ns = 0
            return False
        self._left -= 1
        return True

    def _next(self, fd: int, link: Link | None) -> bytes | None:
        """What this connection sends now; None when all has been begun."""
        if link is None or (self._left is not None and not self._may_begin()):
            return None
        request, check = self._ask(link.number)
        if self._board.verdicts[fd].check is not check:
            self._board.verdicts[fd] = self._run.verdicts_for(check)
        return request

    def _hot(self) -> None:  # noqa: PLR0912, PLR0915 - a call per request costs as much as all else in it
        """Until `run.end_ns`. Two system calls a request, and one poll for as many as are ready."""
        run, board, exchanges, pool = self._run, self._board, self._run.exchanges, self._run.pool
        recv, send, sent_ns, links, verdicts = board.recv, board.send, board.sent_ns, board.links, board.verdicts
        attend, finish, broke, partly_sent = exchanges.attend, exchanges.finish, exchanges.broke, exchanges.partly_sent
        poll, clock, counts, restless = run.epoll.poll, time.monotonic_ns, self._books.service, pool.restless
        following = self._next
        most = min(len(pool.links), MOST_EVENTS)
        # One request for ever needs no asking, and one table of known answers for all connections.
        requests = self._plan.requests
        known, look_up, fixed = None, None, None
        if isinstance(requests, One) and self._left is None:
            table = run.verdicts_for(requests.check)
            known, look_up, fixed = table.known.get, table.look_up, requests.request
        request_bytes = len(fixed or b"")
        received_bytes, next_chore_ns, idle_s, now_ns = 0, 0, TICK_S, clock()
        while now_ns < run.end_ns:
            for fd, _ in poll(0 if restless else idle_s, most):
                try:
                    data = recv[fd](READ_BYTES)
                except BlockingIOError:
                    continue
                except OSError as error:
                    broke(fd, error)
                    continue
                if known is not None:
                    size_bytes = known(data)  # type: ignore[arg-type] # None is not in it, and that is the point
                else:
                    size_bytes = verdicts[fd].known.get(data) if sent_ns[fd] > 0 else None  # type: ignore[arg-type]
                if size_bytes is None:
                    judged = (look_up or verdicts[fd].look_up)(data) if data and sent_ns[fd] > 0 else None
                    if judged is None:
                        attend(fd, data)
                        continue
                    fault, keep_alive, size_bytes = judged
                    if fault is not None or not keep_alive:
                        finish(fd, judged)
                        continue
                now_ns = clock()
                value = now_ns - sent_ns[fd]
                shift = value.bit_length() - 11
                counts[(shift << 10) + (value >> shift) if shift > 0 else value] += 1
                received_bytes += size_bytes
                request = fixed
                if request is None:
                    request = following(fd, links[fd])
                    if request is None:
                        sent_ns[fd] = -now_ns
                        continue
                    request_bytes = len(request)
                sent_ns[fd] = now_ns
                try:
                    sent_bytes = send[fd](request)
                except BlockingIOError:
                    sent_bytes = 0
                except OSError as error:
                    broke(fd, error)
                    continue
                if sent_bytes != request_bytes:
                    partly_sent(fd, request, sent_bytes)
            now_ns = clock()
            if restless:
                pool.open_and_retry(now_ns)
            if now_ns >= next_chore_ns:
                self._books.now.bytes_received += received_bytes
                received_bytes = 0
                next_chore_ns, idle_s = run.chores(now_ns), run.idle_s
                counts = self._books.service
        self._books.now.bytes_received += received_bytes
