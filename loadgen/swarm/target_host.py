"""The process that launches what is measured: `python -m loadgen.swarm.target_host RUNTIME SCENARIO`.

A process of its own, because Locust patches the one it runs in. It says one line of JSON, `Serving` or `Failed`, and
serves until its standard input closes: however the generator ends, SIGKILL included, what it launched ends too.
"""

from __future__ import annotations

import sys

import msgspec

from harness.errors import IsomarkError
from harness.registry import resolve
from loadgen.load_scenarios import named


class Serving(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="serving"):
    """The application answers at `url`."""

    url: str
    runtime: str
    version: str


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="failed"):
    """It could not be launched; the fields of the error."""

    happened: str
    expected: str
    remedy: str
    log_tail: str
    exit_code: int


def main(runtime_spec: str, scenario_name: str) -> int:
    """Serve until standard input closes."""
    try:
        runtime, application = resolve(runtime_spec), named(scenario_name).application()
        with runtime.launch(application) as instance:
            url = instance.url(application.workers[0].name)
            _say(Serving(url=url, runtime=runtime.name, version=runtime.version()))
            sys.stdin.buffer.read()
    except IsomarkError as error:
        _say(
            Failed(
                happened=error.happened,
                expected=error.expected,
                remedy=error.remedy,
                log_tail=error.log_tail,
                exit_code=error.exit_code,
            )
        )
        return error.exit_code
    return 0


def _say(message: Serving | Failed) -> None:
    print(msgspec.json.encode(message).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
