"""The open loop: requests are due when the schedule says, whatever became of those before.

The queue of what is due is the schedule itself, which hands out its times in order: nothing is dropped from it, and a
target that stalls for an hour costs no memory.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator

from loadgen.arrivals import Schedule
from loadgen.engine.books import NEVER_NS
from loadgen.engine.errors import ErrorClass
from loadgen.engine.exchanges import READ_BYTES
from loadgen.engine.links import Link
from loadgen.engine.native import Timer
from loadgen.engine.plan import Pacing
from loadgen.engine.requests import One
from loadgen.engine.run import NS_PER_S, TICK_S, Run
from loadgen.engine.tally import LATE_NS

_LEAD_NS = 1_000_000
"""Between the decision to start and the first due time."""

_MOST_EVENTS = 16
"""Taken from one poll: few, so that what is due is not kept waiting by a flood of answers, as after a stall."""

_SPIN_NS = {Pacing.HYBRID: 100_000, Pacing.SPIN: NEVER_NS, Pacing.SLEEP: 0}
"""How long before a due time the loop stops sleeping: a timer's own lateness, 50 to 80 us, fits in."""


class OpenLoop:
    """Runs through the schedule's share of this worker, then waits for the answers under way."""

    def __init__(self, run: Run, schedule: Schedule) -> None:
        self._run = run
        self._plan = run.plan
        self._books = run.books
        self._board = run.pool.board
        self._schedule = schedule
        self._idle: deque[int] = deque()
        """Descriptors that may carry a request, the longest idle first."""
        run.loop = run.pool.owner = run.exchanges.owner = self

    def settle(self) -> None:
        """The hot loop has written `scheduled` already."""

    def ready(self, link: Link) -> None:
        self.free(link, time.monotonic_ns())

    def free(self, link: Link, now_ns: int) -> None:
        self._board.sent_ns[link.fd] = -now_ns
        self._idle.append(link.fd)

    def lost(self, link: Link) -> None:
        if link.fd in self._idle:
            self._idle.remove(link.fd)

    def unreachable(self, error: ErrorClass) -> None:
        """No request ends by that: those that are due wait for another connection, or fail when there is none."""

    def play(self) -> None:
        """The whole run: connect, go through the schedule, wait for what is under way."""
        run, plan, books = self._run, self._plan, self._books
        run.connect()
        start_ns = time.monotonic_ns() + _LEAD_NS if plan.start_at_ns is None else plan.start_at_ns
        length_ns = self._schedule.duration_ns
        if plan.duration_s is not None:
            length_ns = min(length_ns, round(plan.duration_s * NS_PER_S))
        books.measured_from_ns = start_ns + round(plan.warm_up_s * NS_PER_S)
        stream: Iterator[int] = map(start_ns.__add__, self._schedule.due_ns(plan.worker, plan.workers))
        stream = itertools.takewhile((start_ns + length_ns).__gt__, stream)
        run.load_until_ns = start_ns + length_ns
        run.end_ns = run.load_until_ns + round(plan.drain_s * NS_PER_S)
        timer = Timer(run.epoll)
        self._board.reserve(timer.fd)
        try:
            if plan.warm_up_s:
                stream = self._warm_up(stream, timer)
            if run.ending:
                next_ns = next(stream, NEVER_NS)
            else:
                run.measure(books.measured_from_ns)
                next_ns = self._hot(stream, timer)
        finally:
            timer.close()
        left_ns = time.monotonic_ns()
        books.stop_the_clock(left_ns)
        if run.finishing:
            run.drain(plan.drain_s)
        unsent = sum(1 for _ in itertools.takewhile(left_ns.__ge__, itertools.chain([next_ns], stream)))
        books.now.scheduled += unsent
        books.now.censored = sum(1 for _ in run.pool.busy())
        if run.ending:
            books.now.dropped = unsent
        else:
            books.now.censored += unsent
        books.roll(time.monotonic_ns())
        books.finish()

    def _warm_up(self, stream: Iterator[int], timer: Timer) -> Iterator[int]:
        """Send what is due in the warm-up; returns the rest of the stream.

        What is under way then is told apart by `measure`.
        """
        beyond: list[int] = []

        def warming() -> Iterator[int]:
            for due_ns in stream:
                if due_ns >= self._books.measured_from_ns:
                    beyond.append(due_ns)
                    return
                yield due_ns

        unsent_ns = self._hot(warming(), timer, to_the_end=False)
        return itertools.chain([unsent_ns] if unsent_ns != NEVER_NS else [], beyond, stream)

    def _hot(self, stream: Iterator[int], timer: Timer, *, to_the_end: bool = True) -> int:  # noqa: PLR0912, PLR0915 - as in closed_loop
        """Until `run.end_ns`, or the end of the stream (`to_the_end`: and of the answers).

        Returns the first due time that was not sent, `NEVER_NS` when all were.
        """
        run, board, books, exchanges, pool = self._run, self._board, self._books, self._run.exchanges, self._run.pool
        recv, send, sent_ns, due_ns = board.recv, board.send, board.sent_ns, board.due_ns
        links, verdicts, idle, restless = board.links, board.verdicts, self._idle, pool.restless
        attend, finish, broke, partly_sent = exchanges.attend, exchanges.finish, exchanges.broke, exchanges.partly_sent
        poll, clock, wake_at = run.epoll.poll, time.monotonic_ns, timer.wake_at
        responses, services, requests = books.response, books.service, self._plan.requests
        spin_ns = _SPIN_NS[self._plan.pacing]
        following = requests.next
        known, fixed = None, b""
        if isinstance(requests, One):
            the_only = run.verdicts_for(requests.check)
            known, fixed = the_only.known.get, requests.request
        scheduled, received_bytes, late, behind, worst_ns, spun_ns, armed_ns, next_chore_ns = 0, 0, 0, 0, 0, 0, 0, 0
        idle_s, next_ns, now_ns = TICK_S, next(stream, NEVER_NS), clock()
        while now_ns < run.end_ns:
            while next_ns <= now_ns:
                if idle:
                    fd = idle.popleft()
                    lag_ns = now_ns - next_ns
                    if lag_ns > worst_ns:  # noqa: PLR1730 - max() costs a call
                        worst_ns = lag_ns
                    if lag_ns > LATE_NS:
                        late += 1
                        # Free since -sent_ns: whatever time has passed since then is the generator's.
                        if now_ns + sent_ns[fd] > LATE_NS:
                            behind += 1
                    if known is not None:
                        request = fixed
                        verdicts[fd] = the_only
                    else:
                        link = links[fd]
                        assert link is not None
                        request, check = following(link.number)
                        if verdicts[fd].check is not check:
                            verdicts[fd] = run.verdicts_for(check)
                    due_ns[fd] = next_ns
                    sent_ns[fd] = now_ns
                    scheduled += 1
                    try:
                        sent_bytes = send[fd](request)
                    except BlockingIOError:
                        sent_bytes = 0
                    except OSError as error:
                        broke(fd, error)
                        sent_bytes = len(request)
                    if sent_bytes != len(request):
                        partly_sent(fd, request, sent_bytes)
                elif pool.broken is not None:
                    scheduled += 1
                    books.wrong(pool.broken, next_ns)
                    if now_ns >= next_chore_ns:
                        # Failing takes time as well: however much is due, the target is tried again in between.
                        next_ns = next(stream, NEVER_NS)
                        break
                else:
                    break
                next_ns = next(stream, NEVER_NS)
                now_ns = clock()
            timeout_s = idle_s
            if restless:
                timeout_s = 0.0
            elif next_ns == NEVER_NS:
                if not to_the_end or len(idle) == pool.ready_count:
                    break
            elif next_ns > now_ns:
                wake_ns = next_ns - spin_ns
                if wake_ns <= now_ns:
                    timeout_s = 0.0
                elif armed_ns != wake_ns:
                    wake_at(wake_ns)
                    armed_ns = wake_ns
            elif pool.broken is not None:
                timeout_s = 0.0
            events = poll(timeout_s, _MOST_EVENTS)
            for fd, _ in events:
                try:
                    data = recv[fd](READ_BYTES)
                except BlockingIOError:
                    continue
                except OSError as error:
                    broke(fd, error)
                    continue
                size_bytes = (known or verdicts[fd].known.get)(data)  # type: ignore[arg-type] # None is never in it
                since_ns = sent_ns[fd]
                if size_bytes is None or since_ns <= 0:
                    judged = verdicts[fd].look_up(data) if data and since_ns > 0 else None
                    if judged is None:
                        attend(fd, data)
                        continue
                    fault, keep_alive, size_bytes = judged
                    if fault is not None or not keep_alive:
                        finish(fd, judged)
                        continue
                now_ns = clock()
                sent_ns[fd] = -now_ns
                idle.append(fd)
                received_bytes += size_bytes
                value = now_ns - due_ns[fd]
                shift = value.bit_length() - 11
                responses[(shift << 10) + (value >> shift) if shift > 0 else value] += 1
                value = now_ns - since_ns
                shift = value.bit_length() - 11
                services[(shift << 10) + (value >> shift) if shift > 0 else value] += 1
            before_ns, now_ns = now_ns, clock()
            if not events and timeout_s == 0.0:
                spun_ns += now_ns - before_ns
            if restless:
                pool.open_and_retry(now_ns)
            if now_ns >= next_chore_ns:
                books.hot(scheduled, received_bytes, late, behind, worst_ns, spun_ns)
                scheduled = received_bytes = late = behind = worst_ns = spun_ns = 0
                next_chore_ns, idle_s = run.chores(now_ns), run.idle_s
                responses, services = books.response, books.service
        books.hot(scheduled, received_bytes, late, behind, worst_ns, spun_ns)
        return next_ns
