"""Schedules in a word, as a command line has them: `constant:1000/s`, `steps:100x10s,500x10s`, `trace:file.csv`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError, did_you_mean
from loadgen.arrivals.schedule import Schedule
from loadgen.arrivals.shapes import Burst, Constant, Poisson, Ramp, Steps
from loadgen.arrivals.trace import Trace, read_trace

AnySchedule = Constant | Poisson | Steps | Ramp | Burst | Trace
"""For msgspec to decode: each kind carries its tag."""

_NUMBER = r"\d+(?:\.\d+)?"
_RATE = re.compile(rf"({_NUMBER})([kM]?)/(s|min)")
_DURATION = re.compile(rf"({_NUMBER})(us|ms|s|min|h)")
_MULTIPLES = {"": 1, "k": 1_000, "M": 1_000_000}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What stands after the first comma, and the caller's duration for a word that names none."""

    given: dict[str, str]
    duration_s: float | None

    def duration(self) -> float:
        if "duration" in self.given:
            return _duration(self.given["duration"])
        if self.duration_s is None:
            raise UsageError("a schedule without a duration", expected="one, as in constant:1000/s,duration=30s")
        return self.duration_s


@dataclass(frozen=True, kw_only=True)
class _Kind:
    example: str
    make: Callable[[str, _Options], Schedule]
    options: tuple[str, ...] = ("duration",)


def parse(text: str, *, duration_s: float | None = None) -> Schedule:
    """The schedule that `text` names; `duration_s` is for kinds that need a duration when the text gives none.

    Rates are as `1000/s`, `60k/s`, `30/min`; durations as `250ms`, `10s`, `5min`. Raises `UsageError` with the near
    miss, and for values out of range.
    """
    name, colon, rest = text.strip().partition(":")
    kind = _KINDS.get(name)
    if kind is None or not colon:
        raise UsageError(
            f"{text!r} is no schedule",
            expected=", ".join(each.example for each in _KINDS.values()),
            remedy=did_you_mean(name, _KINDS),
        )
    if name in _LISTS:
        return kind.make(rest, _Options(given={}, duration_s=duration_s))
    body, *words = rest.split(",")
    given = {}
    for word in words:
        key, equals, value = word.strip().partition("=")
        if key not in kind.options or not equals:
            raise UsageError(
                f"{word.strip()!r} is no option of {name}",
                expected="=..., ".join([*kind.options, ""]).rstrip(", "),
                remedy=did_you_mean(key, kind.options),
            )
        given[key] = value
    return kind.make(body.strip(), _Options(given=given, duration_s=duration_s))


def _constant(body: str, options: _Options) -> Schedule:
    return Constant(_rate(body), options.duration())


def _poisson(body: str, options: _Options) -> Schedule:
    seed = options.given.get("seed", "0")
    if not re.fullmatch(r"\d{1,18}", seed):
        raise UsageError(f"seed={seed} is no seed", expected="a whole number of at most 18 digits")
    return Poisson(_rate(body), options.duration(), int(seed))


def _ramp(body: str, options: _Options) -> Schedule:
    start, dots, end = body.partition("..")
    unit = re.search(r"/\w+$", end)
    if not dots or unit is None:
        raise _no_such("ramp", body)
    return Ramp(_rate(start if "/" in start else start + unit[0]), _rate(end), options.duration())


def _steps(body: str, _: _Options) -> Schedule:
    steps = []
    for step in body.split(","):
        rate, cross, seconds = step.strip().partition("x")
        if not cross:
            raise _no_such("steps", step)
        steps.append((_rate(rate if "/" in rate else rate + "/s"), _duration(seconds)))
    return Steps(tuple(steps))


def _burst(body: str, options: _Options) -> Schedule:
    size, slash, every = body.partition("/")
    if not slash or not re.fullmatch(r"\d{1,9}", size):
        raise _no_such("burst", body)
    every_s = _duration(every if every[:1].isdigit() else "1" + every)
    base = _rate(options.given["base"]) if "base" in options.given else 0.0
    return Burst(int(size), every_s, options.duration(), base)


def _trace(body: str, _: _Options) -> Schedule:
    return read_trace(Path(body))


_KINDS = {
    "constant": _Kind(example="constant:1000/s", make=_constant),
    "poisson": _Kind(example="poisson:500/s,seed=3", make=_poisson, options=("duration", "seed")),
    "ramp": _Kind(example="ramp:100..1000/s", make=_ramp),
    "steps": _Kind(example="steps:100x10s,500x10s", make=_steps),
    "burst": _Kind(example="burst:50/1s", make=_burst, options=("duration", "base")),
    "trace": _Kind(example="trace:file.csv", make=_trace),
}
_LISTS = ("steps", "trace")
"""Kinds whose whole rest is theirs, commas and all."""


def _rate(text: str) -> float:
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no rate", expected="as in 1000/s, 60k/s or 30/min")
    number, multiple, unit = found.groups()
    return float(number) * _MULTIPLES[multiple] / _SECONDS[unit]


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no duration", expected="as in 250ms, 10s or 5min")
    return float(found[1]) * _SECONDS[found[2]]


def _no_such(kind: str, text: str) -> UsageError:
    return UsageError(f"{text!r} is no {kind} schedule", expected=_KINDS[kind].example)
