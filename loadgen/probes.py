"""Taking one sample and judging it: was the answer right, and was it of the kind the cell is about?

A wrong answer is an error. A right answer of the wrong kind, such as a warm isolate where a cold one was asked for, is
discarded under its reason. Neither is ever averaged in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from loadgen.connection import Connections, Exchange, Failed, get
from loadgen.messages import CallTurn, IsolateColdTurn, ProcessColdTurn, ProcessStarted, Turn, WarmTurn

OK_STATUS = 200

NOT_COLD = "not cold"
NOT_WARM = "not warm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What came of one request. At most one of `error` and `discarded` is set; with neither the time counts."""

    elapsed_ns: int
    body_bytes: int = 0
    error: str | None = None
    discarded: str | None = None


class Probe(Protocol):
    """Takes samples of one cell, one at a time. Raises `Gone` when there is nothing left to take them from.

    This is where another engine would go: whatever times requests, a sample is judged and counted the same.
    """

    def take(self) -> Sample: ...


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hello Worker's answer: which isolate it is, by a nonce, and how many requests it has served, with this."""

    hello: Literal["isomark"]
    nonce: str
    served: int


class Nonces:
    """Every nonce seen so far. An isolate is new exactly when its nonce is."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def judge_cold(self, elapsed_ns: int, status: int, body: bytes) -> Sample:
        return self._judge(elapsed_ns, status, body, cold=True)

    def judge_warm(self, elapsed_ns: int, status: int, body: bytes) -> Sample:
        return self._judge(elapsed_ns, status, body, cold=False)

    def _judge(self, elapsed_ns: int, status: int, body: bytes, *, cold: bool) -> Sample:
        if status != OK_STATUS:
            return Sample(elapsed_ns=elapsed_ns, body_bytes=len(body), error=f"status {status}")
        try:
            proof = msgspec.json.decode(body, type=Proof)
        except msgspec.MsgspecError:
            return Sample(elapsed_ns=elapsed_ns, body_bytes=len(body), error="wrong body")
        new = proof.nonce not in self._seen
        self._seen.add(proof.nonce)
        if cold:
            discarded = None if new and proof.served == 1 else NOT_COLD
        else:
            discarded = None if not new and proof.served > 1 else NOT_WARM
        return Sample(elapsed_ns=elapsed_ns, body_bytes=len(body), discarded=discarded)


class _Warm:
    def __init__(self, turn: WarmTurn, connections: Connections, nonces: Nonces) -> None:
        self._connection = connections.to(turn.port)
        self._request = get(turn.port, "/")
        self._nonces = nonces

    def take(self) -> Sample:
        return _judged(lambda: self._connection.exchange(self._request), self._nonces.judge_warm)


class _IsolateCold:
    def __init__(self, turn: IsolateColdTurn, launch: int, connections: Connections, nonces: Nonces) -> None:
        self._connection = connections.to(turn.port)
        self._turn = turn
        self._launch = launch
        self._taken = 0
        self._nonces = nonces

    def take(self) -> Sample:
        self._taken += 1
        request = get(self._turn.port, "/", {self._turn.header: f"bench-{self._launch}-{self._taken}"})
        return _judged(lambda: self._connection.exchange(request), self._nonces.judge_cold)


class _ProcessCold:
    def __init__(self, start: Callable[[], ProcessStarted], nonces: Nonces) -> None:
        self._start = start
        self._nonces = nonces

    def take(self) -> Sample:
        started = self._start()
        return self._nonces.judge_cold(started.elapsed_ns, started.status, started.body.encode())


class _Call:
    def __init__(self, turn: CallTurn, connections: Connections) -> None:
        self._connection = connections.to(turn.port)
        self._request = get(turn.port, turn.path, turn.headers)
        self._expected = turn.body.encode()

    def take(self) -> Sample:
        return _judged(lambda: self._connection.exchange(self._request), self._judge)

    def _judge(self, elapsed_ns: int, status: int, body: bytes) -> Sample:
        error = None
        if status != OK_STATUS:
            error = f"status {status}"
        elif body != self._expected:
            error = "wrong body"
        return Sample(elapsed_ns=elapsed_ns, body_bytes=len(body), error=error)


def probe_for(
    turn: Turn, *, launch: int, connections: Connections, nonces: Nonces, start: Callable[[], ProcessStarted]
) -> Probe:
    """The probe that takes the samples of `turn`. `start` has a process started and says how that went."""
    match turn:
        case WarmTurn():
            return _Warm(turn, connections, nonces)
        case IsolateColdTurn():
            return _IsolateCold(turn, launch, connections, nonces)
        case ProcessColdTurn():
            return _ProcessCold(start, nonces)
        case CallTurn():
            return _Call(turn, connections)


def _judged(exchange: Callable[[], Exchange], judge: Callable[[int, int, bytes], Sample]) -> Sample:
    try:
        done = exchange()
    except Failed as error:
        return Sample(elapsed_ns=0, error=str(error))
    return judge(done.elapsed_ns, done.status, done.body)
