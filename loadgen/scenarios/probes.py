"""The probe Workers that several scenarios ask, and what their answers must be."""

from __future__ import annotations

from pathlib import Path

from harness.application import Worker, load_worker
from loadgen.engine import Check, Endpoint, One, get
from loadgen.probes import OK_STATUS, Nonces

WORKERS = Path(__file__).parent.parent / "workers"

GREETING = "status 200 and a JSON greeting of exactly three fields"
WARM = "warm is proved by a nonce of the module scope that was seen before and a count of served requests above 1"

BURN_RESULTS = {100_000: 798_318_209, 2_000_000: 3_207_806_344, 5_000_000: 540_206_006}
"""What the rounds of integer work come to, by their number: about 0.2 ms, 5 ms and 14 ms of computing in V8."""


def worker(folder: str, *, env: str | None = None) -> Worker:
    """A probe Worker by its folder. Raises `ConfigurationError` when it cannot be read."""
    return load_worker(WORKERS / folder, env=env)


def hello(endpoint: Endpoint, nonces: Nonces) -> One:
    """The hello Worker, of which a warm answer is wanted: one from an isolate whose nonce is among `nonces`."""

    def warm(body: bytes) -> str | None:
        sample = nonces.judge_warm(0, OK_STATUS, body)
        return sample.error or sample.discarded

    return One(get(endpoint, "/"), Check(body_check=warm))


def burning(endpoint: Endpoint, rounds: int) -> One:
    """`rounds` is one of `BURN_RESULTS`."""
    return One(get(endpoint, f"/?rounds={rounds}"), Check(body=b'{"result":%d}' % BURN_RESULTS[rounds]))


def billed(endpoint: Endpoint, rounds: int, ms: int) -> One:
    """Computing and then waiting. `rounds` is one of `BURN_RESULTS`."""
    right = b'{"result":%d,"waited":%d}' % (BURN_RESULTS[rounds], ms)
    return One(get(endpoint, f"/?rounds={rounds}&ms={ms}"), Check(body=right))


def waiting(endpoint: Endpoint, ms: int) -> One:
    return One(get(endpoint, f"/?ms={ms}"), Check(body=b"waited %d" % ms))
