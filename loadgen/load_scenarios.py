"""What `--scenario` can name: a Worker application, the request that is sent to its front, and what answer is right.

One table. Another scenario is another row: a folder below `loadgen/workers`, a path, a `Check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.application import Application
from harness.errors import UsageError, did_you_mean
from loadgen.engine.requests import Check

WORKERS = Path(__file__).with_name("workers")

_GREETING = b'{"hello":"isomark",'

BURN_ROUNDS = 100_000
"""Rounds of integer work in one request: about 0.2 ms in V8."""

BURN_RESULT = 798_318_209
"""What so many rounds come to."""


@dataclass(frozen=True, kw_only=True)
class LoadScenario:
    """`workers`: folders below `loadgen/workers`; requests go to the first. None: for a target that runs already."""

    name: str
    about: str
    workers: tuple[str, ...] = ()
    path: str
    check: Check

    def application(self) -> Application:
        """The Workers, read from their folders. Raises `ConfigurationError` when one cannot be read."""
        return Application.load(*(WORKERS / folder for folder in self.workers))


def _greets(body: bytes) -> str | None:
    return None if body.startswith(_GREETING) else "not-the-greeting"


SCENARIOS: Mapping[str, LoadScenario] = {
    scenario.name: scenario
    for scenario in (
        LoadScenario(
            name="warm",
            about="a greeting from an isolate that runs: what the runtime itself costs",
            workers=("hello",),
            path="/",
            check=Check(body_check=_greets),
        ),
        LoadScenario(
            name="burn",
            about="0.2 ms of integer work per request",
            workers=("burn",),
            path=f"/?rounds={BURN_ROUNDS}",
            check=Check(body=b'{"result":%d}' % BURN_RESULT),
        ),
    )
}

ANY_ANSWER = LoadScenario(name="any", about="GET / of a target that runs already; any body", path="/", check=Check())
"""What a `--target` is asked when no scenario is named."""


def named(name: str) -> LoadScenario:
    """Raises `UsageError` with the nearest names when there is no such scenario."""
    if name == ANY_ANSWER.name:
        return ANY_ANSWER
    if name not in SCENARIOS:
        raise UsageError(f"there is no load scenario {name!r}", expected=did_you_mean(name, SCENARIOS))
    return SCENARIOS[name]
