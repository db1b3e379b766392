"""workerd's accounts, read from the outside: `--async-trace` for times, tail events for outcomes.

The engine's own `cpuTime` and `wallTime` are always 0. The trace has a record of every turn in which a request held its
isolate's lock; the sum of these is the CPU time reported here. It is wall time under the lock: waiting is left out, as
it should be, but being preempted by another process is counted in, so on a busy machine it errs upwards. A callee
is a context of its own. The trace does not name the HTTP request, so records are told apart by Worker and order.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import DeadlineExceeded, RuntimeDied
from harness.runtime import Invocation, Ledger, Outcome

RECORD_DEADLINE_S = 30.0
"""Safety deadline for a record to appear once the response is there; it takes about a millisecond."""

TAIL_DEADLINE_S = 2.0
"""How long a tail event may trail its invocation before the trace's own word on the outcome is taken."""

TAIL_MARK = "isomark-tail "

_NOT_SUBREQUESTS = frozenset({"jsRpcSession"})


@dataclass(kw_only=True)
class _Context:
    """One invocation as the trace tells it. Times in nanoseconds of the trace's own clock."""

    worker: str
    isolate: int
    begun_ns: int
    event: str = ""
    request_id: int | None = None
    cpu_ns: int = 0
    ended_ns: int | None = None
    failed: bool = False
    operations: set[int] = field(default_factory=set)

    def outcome(self) -> Outcome:
        return Outcome.EXCEPTION if self.failed else Outcome.OK


class AsyncTraceLedger(Ledger):
    """Follows the trace through a pipe. `descriptor` is the pipe's reading end, owned and closed here."""

    def __init__(self, descriptor: int, log: Path) -> None:
        self._descriptor = descriptor
        self._log = log
        self._log_read = 0
        self._pending = b""
        self._contexts: dict[int, _Context] = {}
        self._begun: list[_Context] = []
        self._tails: dict[str, deque[Outcome]] = {}
        self._taken: dict[int, Outcome] = {}
        self._changed = threading.Condition()
        self._closed = False
        os.set_blocking(descriptor, False)
        self._stop_reading, self._stop_writing = os.pipe()
        self._thread = threading.Thread(target=self._follow, name="async-trace", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following and close the pipe."""
        with self._changed:
            self._closed = True
        os.close(self._stop_writing)
        self._thread.join()
        os.close(self._stop_reading)
        os.close(self._descriptor)

    def mark(self) -> int:
        # The runtime wrote everything about an answered request before it answered: what is in the pipe is complete.
        with self._changed:
            self._drain()
            return len(self._begun)

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        deadline = time.monotonic() + RECORD_DEADLINE_S
        with self._changed:
            while True:
                following = self._drain()
                finished = [
                    (index, context)
                    for index, context in enumerate(self._begun[mark:], start=mark)
                    if context.worker == worker and context.ended_ns is not None
                ]
                if len(finished) >= at_least:
                    break
                if not following:
                    raise RuntimeDied(
                        f"the runtime ended with {len(finished)} finished invocations of Worker {worker!r} in its "
                        f"ledger, not {at_least}"
                    )
                if not self._changed.wait(timeout=max(0.0, deadline - time.monotonic())):
                    raise DeadlineExceeded(
                        f"the ledger has {len(finished)} finished invocations of Worker {worker!r}, not {at_least}, "
                        f"after {RECORD_DEADLINE_S:g} s",
                        expected="a record for each answered request",
                    )
            self._await_tails(worker)
            return tuple(self._invocation(index, context) for index, context in finished)

    def _follow(self) -> None:
        poll = select.poll()  # not select(): it fails for descriptors above 1023
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._stop_reading, select.POLLIN)
        while True:
            poll.poll()
            with self._changed:
                following = not self._closed and self._drain()
                self._changed.notify_all()
                if not following:
                    return

    def _drain(self) -> bool:
        """Take what the pipe holds, under the lock. False once the runtime has closed it."""
        while True:
            try:
                chunk = os.read(self._descriptor, 1 << 16)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            *lines, self._pending = (self._pending + chunk).split(b"\n")
            for line in lines:
                self._take(msgspec.json.decode(line, type=dict[str, Any]))

    def _take(self, line: dict[str, Any]) -> None:
        kind = line["e"]
        if kind == "ctx":
            context = _Context(worker=line["worker"], isolate=line["iso"], begun_ns=line["at"])
            self._contexts[line["ctx"]] = context
            self._begun.append(context)
            return
        context_of_line = self._contexts.get(line.get("ctx", -1))
        if context_of_line is None:
            return
        _UPDATES.get(kind, _ignore)(context_of_line, line)
        if kind == "ctx_end":
            del self._contexts[line["ctx"]]

    def _await_tails(self, worker: str) -> None:
        """Give each finished invocation of `worker` its tail event, in the order both were written."""
        deadline = time.monotonic() + TAIL_DEADLINE_S
        while True:
            self._read_tails()
            waiting = [
                index
                for index, context in enumerate(self._begun)
                if context.worker == worker and context.ended_ns is not None and index not in self._taken
            ]
            waiting.sort(key=lambda index: self._begun[index].ended_ns or 0)
            outcomes = self._tails.setdefault(worker, deque())
            while waiting and outcomes:
                self._taken[waiting.pop(0)] = outcomes.popleft()
            if not waiting or time.monotonic() > deadline:
                return
            self._changed.wait(timeout=0.005)  # the log is a file: there is no event for its growth

    def _read_tails(self) -> None:
        with self._log.open("rb") as stream:
            stream.seek(self._log_read)
            new = stream.read()
        whole = new.rpartition(b"\n")[0]
        self._log_read += len(whole) + 1 if whole else 0
        for line in whole.decode("utf-8", "replace").splitlines():
            _, mark, record = line.partition(TAIL_MARK)
            if mark:
                event = msgspec.json.decode(record, type=dict[str, Any])
                self._tails.setdefault(event["worker"], deque()).append(_outcome(event["outcome"]))

    def _invocation(self, index: int, context: _Context) -> Invocation:
        assert context.ended_ns is not None
        return Invocation(
            worker=context.worker,
            event=context.event,
            outcome=self._taken.get(index, context.outcome()),
            cpu_time_ms=context.cpu_ns / 1e6,
            wall_time_ms=(context.ended_ns - context.begun_ns) / 1e6,
            isolate=str(context.isolate),
            subrequests=len(context.operations),
        )


def _outcome(name: str) -> Outcome:
    try:
        return Outcome(name)
    except ValueError:
        return Outcome.UNKNOWN


def _init(context: _Context, line: dict[str, Any]) -> None:
    if line["kind"] == "request":
        context.event = line["name"]
        context.request_id = line["id"]
    elif line["kind"] == "operation" and line["name"] not in _NOT_SUBREQUESTS:
        context.operations.add(line["id"])


def _annotate(context: _Context, line: dict[str, Any]) -> None:
    # The receiving side of an RPC call is traced as an operation too; it is the event, not a subrequest.
    if line["k"] == "jsrpc.target_kind" and line["v"] == "entrypoint":
        context.operations.discard(line["id"])


def _turn(context: _Context, line: dict[str, Any]) -> None:
    context.cpu_ns += line["end"] - line["locked"]


def _settle(context: _Context, line: dict[str, Any]) -> None:
    if line.get("outcome") == "error" and line["id"] not in context.operations:
        context.failed = True


def _end(context: _Context, line: dict[str, Any]) -> None:
    context.ended_ns = line["at"]


def _ignore(context: _Context, line: dict[str, Any]) -> None:
    """Lines that say nothing about time, outcome or subrequests."""


_UPDATES = {"init": _init, "annotate": _annotate, "turn": _turn, "settle": _settle, "ctx_end": _end}
