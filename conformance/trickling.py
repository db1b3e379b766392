"""A client that takes its time: it sends half of a body, waits, and sends the rest."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

DEADLINE_S = 60.0


def post_slowly(url: str, path: str, body: bytes, *, pause_ms: float) -> tuple[int, bytes]:
    """Status and body of the answer to a request whose body takes `pause_ms` to come."""
    parts = urlsplit(url)
    half = len(body) // 2

    def pieces() -> Iterator[bytes]:
        yield body[:half]
        time.sleep(pause_ms / 1000)  # the wait that is measured
        yield body[half:]

    client = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=DEADLINE_S)
    with contextlib.closing(client):
        client.request("POST", path, body=pieces(), headers={"Content-Length": str(len(body))})
        answer = client.getresponse()
        return answer.status, answer.read()
