"""What a connection sends next, serialised beforehand, and what the answer must be."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Protocol

from harness.errors import UsageError
from loadgen.engine.endpoint import Endpoint

BodyCheck = Callable[[bytes], str | None]
"""None for a right body; else the class of the error, to be counted under. Called once for each answer."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What an answer must be: its status, its whole body where given, and what a function says of the body."""

    status: int = 200
    body: bytes | None = None
    body_check: BodyCheck | None = None


OK = Check()

_DRAWN_AT_ONCE = 32


class Requests(Protocol):
    """What the connections send. Asked once per request, so it must be cheap."""

    def next(self, connection: int) -> tuple[bytes, Check]:
        """The next request of a connection, which is numbered from 0. Not empty, and never pipelined."""
        ...


def get(endpoint: Endpoint, path: str, headers: Mapping[str, str] = {}) -> bytes:
    """The bytes of a GET request. `path` begins with a slash. Raises `UsageError` for what cannot stand in a head."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {endpoint.authority}", *(f"{name}: {headers[name]}" for name in headers)]
    try:
        serialised = "\r\n".join([*lines, "", ""]).encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"{path!r} or its headers hold characters that HTTP does not carry") from None
    if not path.startswith("/") or " " in path or any(set(line) & set("\r\n\0") for line in lines):
        raise UsageError(f"{path!r} with these headers is no request", expected="a path that begins with a slash")
    return serialised


@dataclass(frozen=True)
class One:
    """The same request each time: what the engine is fastest at."""

    request: bytes
    check: Check = OK

    def next(self, connection: int) -> tuple[bytes, Check]:
        return self.request, self.check


class Mix:
    """Requests drawn by weight, the same draws for the same seed. Raises `UsageError` when no weight is above 0."""

    def __init__(self, parts: SequenceOf[tuple[float, bytes, Check]], seed: int) -> None:
        weights = [weight for weight, _, _ in parts]
        if not any(weight > 0 for weight in weights) or any(weight < 0 for weight in weights):
            raise UsageError(f"weights {weights} make no mix", expected="none below 0, one above")
        requests = [(request, check) for _, request, check in parts]
        up_to = list(itertools.accumulate(weights))
        choices = random.Random(seed).choices  # noqa: S311 - load, not secrets
        # A few at a time: a call for each would take a microsecond, and a call for thousands a pause.
        batches = iter(lambda: choices(requests, cum_weights=up_to, k=_DRAWN_AT_ONCE), None)
        self._drawn = itertools.chain.from_iterable(batches)

    def next(self, connection: int) -> tuple[bytes, Check]:
        return next(self._drawn)


class Sequence:
    """The same requests in the same order on every connection, over and over; a reconnect does not begin anew."""

    def __init__(self, steps: SequenceOf[tuple[bytes, Check]]) -> None:
        if not steps:
            raise UsageError("a sequence of no requests", expected="at least one")
        self._steps = tuple(steps)
        self._turns: dict[int, itertools.cycle[tuple[bytes, Check]]] = {}

    def next(self, connection: int) -> tuple[bytes, Check]:
        turn = self._turns.get(connection)
        if turn is None:
            turn = self._turns[connection] = itertools.cycle(self._steps)
        return next(turn)


class Fresh:
    """`before`, a field never used before, `after`: a name of an isolate that cannot exist yet, for instance.

    A field is `prefix`, 8 random hexadecimal digits that this object drew, a dash and a number from 0.
    """

    def __init__(self, before: bytes, after: bytes, check: Check = OK, prefix: str = "fresh-") -> None:
        self._before = before + f"{prefix}{secrets.token_hex(4)}-".encode("ascii")
        self._after = after
        self._check = check
        self._number = itertools.count()

    def next(self, connection: int) -> tuple[bytes, Check]:
        return b"%b%d%b" % (self._before, next(self._number), self._after), self._check
