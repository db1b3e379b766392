"""What every adapter that serves HTTP on loopback shares: one request in, one response or one precise error out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol, TypeVar

import httpx

from harness.errors import (
    ConnectionLost,
    DeadlineExceeded,
    NotObservable,
    RuntimeDied,
    Unanswered,
    UsageError,
    did_you_mean,
)
from harness.process import Supervised
from harness.runtime import FETCH_DEADLINE_S, Processes, Request, Response
from harness.topology import Location

InstrumentT = TypeVar("InstrumentT")

DYING_S = 1.0
"""How long a runtime that hung up is watched for its own end, to tell a death from a dropped connection.

It ends within milliseconds, once it gets a core. One that lives costs its client so long at each request."""


class Serving(Protocol):
    """What serves a Worker, as far as a request that got no answer asks about it: `Supervised` is one."""

    def log_tail(self) -> str: ...

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end, at most so long; whether it came."""
        ...

    def died(self) -> RuntimeDied:
        """The error that says how it ended."""
        ...


class HttpFront:
    """The part of `Instance` that sends requests. `urls`: Worker to base URL; `owner`: Worker to what serves it."""

    def __init__(
        self, urls: Mapping[str, str], owner: Callable[[str], Serving], instruments: Mapping[type, object]
    ) -> None:
        self._urls = dict(urls)
        self._owner = owner
        self._instruments = dict(instruments)
        # No kept-alive connections: a request must never meet one the runtime just closed. No proxies from the
        # environment: traffic stays on loopback.
        self._client = httpx.Client(
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP on loopback; loading certificates costs 30 ms
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # a request carries nothing of an earlier one
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    def close(self) -> None:
        self._client.close()

    def url(self, worker: str) -> str:
        if worker not in self._urls:
            raise UsageError(
                f"the application has no Worker named {worker!r}", expected=did_you_mean(worker, self._urls)
            )
        return self._urls[worker]

    def fetch(
        self,
        worker: str,
        request: Request,
        *,
        user_location: Location | None = None,
        deadline_s: float = FETCH_DEADLINE_S,
    ) -> Response:
        del user_location  # one location: every user is near it
        if not request.path.startswith("/"):
            raise UsageError(f"path {request.path!r} of a request is not a path", expected="a slash at its beginning")
        target = self.url(worker) + request.path
        process = self._owner(worker)
        deadline = time.monotonic() + deadline_s
        body = bytearray()
        try:
            with self._client.stream(
                request.method,
                target,
                headers=dict(request.headers),
                content=request.body,
                timeout=httpx.Timeout(deadline_s),
            ) as answer:
                # httpx's time-outs are per read: a body that trickles needs the deadline checked here.
                for chunk in answer.iter_bytes():
                    body += chunk
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the body never ended")
        except httpx.LocalProtocolError:  # the request itself is no HTTP: the test's fault, not the runtime's
            raise
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._unanswered(error, worker, request, process, deadline_s, bytes(body)) from error
        return Response(
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=bytes(body),
        )

    @staticmethod
    def _unanswered(
        error: httpx.TransportError | httpx.DecodingError,
        worker: str,
        request: Request,
        process: Serving,
        deadline_s: float,
        partial: bytes,
    ) -> Unanswered:
        what = f"{request.method} {request.path} to Worker {worker!r}"
        found: Unanswered
        if isinstance(error, httpx.TimeoutException):
            found = DeadlineExceeded(f"{what} had no whole answer within {deadline_s:g} s", log_tail=process.log_tail())
        elif isinstance(error, httpx.DecodingError):
            found = ConnectionLost(f"{what}: the answer cannot be decoded ({error})", log_tail=process.log_tail())
        elif process.ended_within(DYING_S):
            found = process.died()
        else:
            found = ConnectionLost(f"{what}: it hung up, or spoke no HTTP ({error})", log_tail=process.log_tail())
        found.partial = partial
        return found

    def instrument(self, kind: type[InstrumentT]) -> InstrumentT:
        found = self._instruments.get(kind)
        if found is None:
            raise NotObservable(f"this runtime offers no {kind.__name__} instrument")
        return found  # type: ignore[return-value]


class ProcessIds(Processes):
    """The `Processes` instrument over a fixed set of supervised processes."""

    def __init__(self, *processes: Supervised) -> None:
        self._processes = processes

    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes if process.alive())
