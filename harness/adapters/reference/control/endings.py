"""What the end of an isolate means to those who were in it, and to whoever deployed its code."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.adapters.reference.control.invocation import Failure
from harness.errors import ScriptError
from harness.runtime import Outcome

_LAST_WORDS = {
    Outcome.EXCEEDED_CPU: "Worker exceeded its CPU time limit.",
    Outcome.EXCEEDED_MEMORY: "Worker exceeded its memory limit.",
}


def end_of_a_request(reason: str, guilty: bool, detail: memoryview) -> Failure:
    """Of a request that was in an isolate that ended. `guilty`: it was the one that ran."""
    outcome = {
        "exceededCpu": Outcome.EXCEEDED_CPU if guilty else Outcome.ABORTED,
        "exceededMemory": Outcome.EXCEEDED_MEMORY,
        "refused": Outcome.EXCEPTION,
    }.get(reason, Outcome.INTERNAL_ERROR)
    message = _LAST_WORDS.get(outcome) or f"The isolate ended ({reason}): {bytes(detail).decode('utf-8', 'replace')}"
    return Failure(outcome=outcome, message=message)


def end_of_a_deploy(worker: str, reason: str, detail: bytes) -> ScriptError:
    """Of code that did not come to export anything."""
    try:
        said = msgspec.json.decode(detail, type=dict[str, Any])
        why = f"{said.get('name')}: {said.get('message')}"
    except msgspec.DecodeError:
        why = {"exceededCpu": "it computed too long", "exceededMemory": "it took more memory than there is"}.get(
            reason, reason
        )
    return ScriptError(f"Worker {worker!r} does not start: {why}", expected="a module that parses and runs")
