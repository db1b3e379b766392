"""The engine: runs one plan in one thread."""

from __future__ import annotations

from loadgen.engine import native
from loadgen.engine.books import Books, Excerpt, tally
from loadgen.engine.closed_loop import ClosedLoop
from loadgen.engine.open_loop import OpenLoop
from loadgen.engine.plan import LoadPlan
from loadgen.engine.run import Run
from loadgen.engine.tally import Tally

_LOOK_AGAIN_S = 0.05


class Engine:
    """Runs `plan` once. `run` is called by one thread; `stop`, `finish` and `take` by any other."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self._books = Books(closed=plan.arrivals is None)
        self._run: Run | None = None
        self._begun = False
        self._stopping = False
        self._finishing = False
        self._hand_over_lock = native.new_lock()
        """Held while the books change hands: they are the engine's thread's as long as there is a `_run`."""
        self._one_taker = native.new_lock()
        self._answered = native.new_lock()
        self._answered.acquire()
        self._answer: Excerpt | None = None

    def run(self) -> Tally:
        """Make the load, in the calling thread, until the plan or `stop` ends it. GC is off meanwhile, for the process.

        Errors of the target never end it: they are counted. Raises `UsageError` when this process may not have so many
        open files, before the load or in the middle of it, and `RuntimeError` when called twice.
        """
        if self._begun:
            raise RuntimeError("an engine runs once")
        self._begun = True
        with native.descriptors(self.plan.connections), native.undisturbed():
            run = Run(self.plan, self._books)
            with self._hand_over_lock:
                self._run = run
            # Before there was a run to tell; never the other way, `stop` may just be telling it.
            run.stopping |= self._stopping
            run.finishing |= self._finishing
            try:
                loop = ClosedLoop(run) if self.plan.arrivals is None else OpenLoop(run, self.plan.arrivals)
                loop.play()
            finally:
                with self._hand_over_lock:
                    self._run = None
                run.close()
        return tally(self._books.excerpt())

    def stop(self) -> None:
        """End soon, from any thread and at any time; the tally is kept."""
        self._stopping = True
        run = self._run
        if run is not None:
            run.stopping = True

    def finish(self) -> None:
        """Begin no more requests, from any thread and at any time; wait for those under way, for at most `drain_s`.

        The engine's thread comes by every 10 ms or so, and begins requests until it does. In the end the target's own
        count is this one's. What an open loop owed by then and had not sent is dropped.
        """
        self._finishing = True
        run = self._run
        if run is not None:
            run.finishing = True

    def take(self) -> Tally:
        """What came since the last take; the sum of all takes, one after the end included, is what `run` returned.

        Waits for the engine's thread to come by, which takes some 10 ms: never call it from that thread itself.
        """
        with self._one_taker:
            with self._hand_over_lock:
                if self._run is None:
                    return tally(self._books.take())
                self._run.wanted = self._hand_over
            while self._run is not None:
                if self._answered.acquire(timeout=_LOOK_AGAIN_S):
                    return self._received()
            # It ended meanwhile, before or after it came by.
            if self._answered.acquire(blocking=False):
                return self._received()
            return tally(self._books.take())

    def _hand_over(self, excerpt: Excerpt) -> None:
        self._answer = excerpt
        self._answered.release()

    def _received(self) -> Tally:
        answer, self._answer = self._answer, None
        assert answer is not None
        return tally(answer)
