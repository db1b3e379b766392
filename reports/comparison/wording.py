"""Names of modes and quantities as words in a sentence."""

from __future__ import annotations

import re

from reports.quantities import counted

_MODES = (
    ("warm", r"closed-1", "one at a time"),
    ("warm", r"open-(?P<n>[\d.]+)", "{n} a second"),
    ("concurrency", r"wait-(?P<n>\d+)", "a waiting handler, {n} connection{s}"),
    ("concurrency", r"compute-(?P<n>\d+)", "a computing handler, {n} connection{s}"),
    ("density", r"isolates-(?P<n>\d+)", "{n} isolate{s}"),
    ("density", r"instances-(?P<n>\d+)", "{n} instance{s}"),
    ("bill", r"wait-0", "no waiting"),
    ("bill", r"wait-(?P<n>\d+)", "{n} ms of waiting"),
    ("cold-start", r"isolate", "an isolate"),
    ("cold-start", r"code-cache", "an isolate after eviction"),
    ("cold-start", r"runtime", "the whole"),
)

_QUANTITIES = {
    "p50": "median",
    "p99": "99th percentile",
    "fetch-hop": "service binding, fetch",
    "rpc-hop": "service binding, RPC",
    "http-hop": "HTTP over loopback",
}


def mode_words(scenario: str, mode: str) -> str:
    """A mode no words are known for is its own name."""
    for known, pattern, words in _MODES:
        found = re.fullmatch(pattern, mode) if known == scenario else None
        if found:
            number = found.groupdict().get("n") or "0"
            return words.format(n=f"{float(number):,g}", s="" if number == "1" else "s")
    return mode


def quantity_words(quantity: str) -> str:
    return _QUANTITIES.get(quantity, quantity)


def point_of(mode: str) -> float | None:
    """The number at the end of a mode's name, as in `isolates-1000`; None when there is none."""
    found = re.search(r"-(\d+(?:\.\d+)?)$", mode)
    return float(found[1]) if found else None


def launches_words(count: int) -> str:
    return counted(count, "launch", "launches")
