"""What each tool prints, read: how many requests it says were right, and how many it says were not.

These counts are for checking the target's: a tool whose own count is far off, or that saw errors, is no figure.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from harness.errors import IsomarkError

_WRK_REQUESTS = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_WRK_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_WRK_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_WRK_MEDIAN = re.compile(r"^\s*50%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_WRK_UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}

_H2LOAD_REQUESTS = re.compile(
    r"^requests: \d+ total, \d+ started, \d+ done, \d+ succeeded, (\d+) failed,", re.MULTILINE
)
_H2LOAD_STATUS = re.compile(r"^status codes: (\d+) 2xx, (\d+) 3xx,", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A tool's own count over its whole run, warm-up included."""

    requests: int
    errors: int


def wrk(text: str) -> Outcome:
    """Raises `IsomarkError` for what is not wrk's output; so do the others here for theirs."""
    found = _WRK_REQUESTS.search(text)
    if found is None:
        raise _unreadable("wrk", text)
    status, broken = _WRK_STATUS.search(text), _WRK_SOCKET.search(text)
    errors = int(status[1]) if status else 0
    return Outcome(
        requests=int(found[1]) - errors,
        errors=errors + (sum(int(count) for count in broken.groups()) if broken else 0),
    )


def wrk_median_us(text: str) -> float:
    """The median that `wrk --latency` prints, in microseconds."""
    found = _WRK_MEDIAN.search(text)
    if found is None:
        raise _unreadable("wrk", text)
    return float(found[1]) * _WRK_UNITS_US[found[2]]


def h2load(text: str) -> Outcome:
    """Of a run with a duration, whose last requests are cut off and in no count."""
    found, status = _H2LOAD_REQUESTS.search(text), _H2LOAD_STATUS.search(text)
    if found is None or status is None:
        raise _unreadable("h2load", text)
    # What it counts as errored or timed out, or got a status of 400 or more, it counts as failed too; not so a 3xx.
    return Outcome(requests=int(status[1]), errors=int(found[1]) + int(status[2]))


def json_line(text: str) -> Outcome:
    """Of the tools that print what we tell them to: the last line of JSON with `requests` and `errors`."""
    found = last_json(text)
    try:
        return Outcome(requests=int(found["requests"]), errors=int(found["errors"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("the tool", text) from error


def last_json(text: str) -> dict[str, Any]:
    """The last line that is a JSON object."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    raise _unreadable("the tool", text)


def _unreadable(tool: str, text: str) -> IsomarkError:
    return IsomarkError(
        f"{tool} printed no result that can be read",
        expected="the output of the version that docs/generator.md names",
        log_tail="\n".join(text.splitlines()[-12:]),
    )
