"""An instance that remembers what was asked of it and what it answered, for the evidence of a row."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, TypeVar

from harness.application import Worker
from harness.errors import Unanswered
from harness.runtime import FETCH_DEADLINE_S, Instance, Request, Response
from harness.topology import Location

InstrumentT = TypeVar("InstrumentT")

FIRST = 3
LAST = 5
BODY_CHARACTERS = 300


class Exchanges:
    """The first few and the last few requests of a test, each with its answer and how long the client waited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._first: list[dict[str, Any]] = []
        self._last: deque[dict[str, Any]] = deque(maxlen=LAST)

    def add(self, worker: str, request: Request, answer: str, body: bytes, took_ms: float) -> None:
        text = body.decode("utf-8", "replace")
        exchange = {
            "request": f"{request.method} {request.path} to {worker}",
            "answer": answer,
            "body": text if len(text) <= BODY_CHARACTERS else f"{text[:BODY_CHARACTERS]} ...",
            "took_ms": round(took_ms, 2),
        }
        with self._lock:
            self._count += 1
            (self._first if len(self._first) < FIRST else self._last).append(exchange)

    def as_evidence(self) -> list[dict[str, Any] | str]:
        """In order of their answers; a line in the middle says how many were left out."""
        with self._lock:
            left_out = self._count - len(self._first) - len(self._last)
            gap: list[dict[str, Any] | str] = [f"... {left_out} more ..."] if left_out else []
            return [*self._first, *gap, *self._last]


class WatchedInstance(Instance):
    """Passes everything on to the instance it wraps, and keeps each exchange."""

    def __init__(self, instance: Instance, exchanges: Exchanges) -> None:
        self._instance = instance
        self._exchanges = exchanges

    def url(self, worker: str) -> str:
        return self._instance.url(worker)

    def fetch(
        self,
        worker: str,
        request: Request,
        *,
        user_location: Location | None = None,
        deadline_s: float = FETCH_DEADLINE_S,
    ) -> Response:
        started_ns = time.monotonic_ns()
        answer, body = "no answer", b""
        try:
            response = self._instance.fetch(worker, request, user_location=user_location, deadline_s=deadline_s)
            answer, body = f"status {response.status}", response.body
            return response
        except Unanswered as error:
            answer, body = error.happened, error.partial
            raise
        finally:
            self._exchanges.add(worker, request, answer, body, (time.monotonic_ns() - started_ns) / 1e6)

    def redeploy(self, worker: Worker) -> None:
        self._instance.redeploy(worker)

    def instrument(self, kind: type[InstrumentT]) -> InstrumentT:
        return self._instance.instrument(kind)

    def alive(self) -> bool:
        return self._instance.alive()

    def log_tail(self) -> str:
        return self._instance.log_tail()
