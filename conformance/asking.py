"""Asking a probe, whose answers are JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from harness.errors import PromiseBroken
from harness.runtime import FETCH_DEADLINE_S, Instance, Request


def ask(
    instance: Instance,
    worker: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
    deadline_s: float = FETCH_DEADLINE_S,
) -> Any:
    """The JSON a probe answers. Raises `PromiseBroken` for any other answer: a probe never fails by itself."""
    target = path + ("?" + urlencode(query) if query else "")
    answer = instance.fetch(worker, Request(path=target, method=method, body=body), deadline_s=deadline_s)
    if answer.status != 200:
        raise PromiseBroken(f"Worker {worker!r} to answer {path}", f"status {answer.status}: {answer.text[:300]}")
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise PromiseBroken(f"Worker {worker!r} to answer {path} in JSON", answer.text[:300]) from error


def post(instance: Instance, worker: str, path: str, content: object, *, deadline_s: float = FETCH_DEADLINE_S) -> Any:
    """The same for a request that carries JSON."""
    return ask(instance, worker, path, method="POST", body=msgspec.json.encode(content), deadline_s=deadline_s)
