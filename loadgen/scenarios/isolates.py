"""Fresh isolates by name, and the proof that an answer came from one."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadgen.engine import Check, Endpoint, get
from loadgen.probes import OK_STATUS, Nonces

COLD = "cold is proved by a nonce of the module scope that was never seen before and a count of served requests of 1"


@dataclass(frozen=True, kw_only=True)
class Isolates:
    """Names of isolates nobody has used, and every nonce that was seen under them, of one launch.

    `name` of a number is the same each time, so that an isolate can be asked again.
    """

    endpoint: Endpoint
    header: str
    nonces: Nonces = field(default_factory=Nonces)
    _prefix: str = field(default_factory=lambda: secrets.token_hex(6))
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def request(self, number: int) -> bytes:
        return get(self.endpoint, "/", {self.header: f"bench-{self._prefix}-{number}"})

    def fresh(self) -> _Fresh:
        """For the engine: each request to the next name."""
        return _Fresh(self)

    def next_number(self) -> int:
        return next(self._numbers)

    def again(self, numbers: Sequence[int]) -> _Again:
        """For the engine: the isolates of these numbers one after the other, which must still be the same ones."""
        return _Again(map(self.request, numbers), Check(body_check=self._warm))

    def _cold(self, body: bytes) -> str | None:
        return cold(self.nonces, body)

    def _warm(self, body: bytes) -> str | None:
        sample = self.nonces.judge_warm(0, OK_STATUS, body)
        return sample.error or sample.discarded


class _Fresh:
    def __init__(self, isolates: Isolates) -> None:
        self._isolates = isolates
        self._check = Check(body_check=isolates._cold)

    def next(self, connection: int) -> tuple[bytes, Check]:
        return self._isolates.request(self._isolates.next_number()), self._check


class _Again:
    def __init__(self, requests: Iterable[bytes], check: Check) -> None:
        self._requests = itertools.cycle(requests)
        self._check = check

    def next(self, connection: int) -> tuple[bytes, Check]:
        return next(self._requests), self._check


def cold(nonces: Nonces, body: bytes) -> str | None:
    """For a `Check` of the hello Worker: None for a right answer of a new isolate, else what it is."""
    sample = nonces.judge_cold(0, OK_STATUS, body)
    return sample.error or sample.discarded
