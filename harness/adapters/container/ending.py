"""How a container ended: in the kernel's words where it counted, else in the engine's."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass

from docker.errors import DockerException
from requests.exceptions import RequestException

from harness.adapters.container.engine import Engine
from harness.adapters.container.watch import Death
from harness.runtime import Outcome

SAID_WITHIN_S = 20
"""Safety deadline for the engine to say how a container ended that has just ended; it takes some milliseconds."""

KILLED = 137

_HEAP_IS_FULL = "JavaScript heap out of memory"
"""V8's last words when its heap, which Node sizes by the container's memory, is full before the container is."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """`exit_code` is None when the engine did not say."""

    exit_code: int | None
    out_of_memory: bool

    def in_words(self) -> str:
        code = "" if self.exit_code is None else f" (exit code {self.exit_code})"
        if self.out_of_memory:
            return f"ran out of memory{code}"
        if self.exit_code is not None and self.exit_code > 128:
            with contextlib.suppress(ValueError):
                return f"was killed by {signal.Signals(self.exit_code - 128).name}"
        return f"ended{code}"

    def outcome(self) -> Outcome:
        """Of the requests that were inside."""
        return Outcome.EXCEEDED_MEMORY if self.out_of_memory else Outcome.INTERNAL_ERROR


def ending(engine: Engine, container: str, since_s: int, death: Death | None, last_words: str) -> Ending:
    """Of a container that has ended. `since_s`: of the epoch, before it was made."""
    exit_code, told = _told(engine, container, since_s)
    killed = exit_code in (None, KILLED)
    counted = death is not None and bool(death.oom_kills)
    return Ending(exit_code=exit_code, out_of_memory=told or (killed and counted) or _HEAP_IS_FULL in last_words)


def _told(engine: Engine, container: str, since_s: int) -> tuple[int | None, bool]:
    """Its exit code, and whether the engine saw it run out of memory: the container is gone, its events are kept."""
    exit_code, oom = None, False
    with contextlib.suppress(DockerException, RequestException, OSError), engine.client() as client:
        events = client.events(
            since=since_s, until=int(time.time()) + SAID_WITHIN_S, filters={"container": container}, decode=True
        )
        with contextlib.closing(events):
            for event in events:
                action = event.get("Action") or event.get("status")
                oom = oom or action == "oom"
                if action in {"die", "died"}:
                    attributes = event.get("Actor", {}).get("Attributes", {})
                    exit_code = int(attributes.get("exitCode") or attributes.get("containerExitCode") or 0)
                if (exit_code is not None and (oom or exit_code != KILLED)) or action in {"destroy", "remove"}:
                    break  # why one was killed may be told after its death, but before it is removed
    return exit_code, oom
