"""Having the memory probe hold memory, and knowing how much it held when it was cut off."""

from __future__ import annotations

from harness.errors import Unanswered
from harness.runtime import Instance, Request

SERVED_MIB = 96
"""Well below the limit of 128 MB, with room for the runtime's own."""

HOLD_DEADLINE_S = 60.0


def hold(instance: Instance, kind: str, mib: int) -> tuple[int, str]:
    """Have a Worker hold so much; how much it held for certain, and how it ended ("served" or why not)."""
    request = Request(path=f"/hold?kind={kind}&mib={mib}")
    try:
        answer = instance.fetch("memory", request, deadline_s=HOLD_DEADLINE_S)
        lines, ending = answer.text.splitlines(), "" if answer.status == 200 else f"status {answer.status}"
    except Unanswered as error:
        lines, ending = error.partial.decode().splitlines(), error.happened
    held = max((int(line) for line in lines if line.isdigit()), default=0)
    last = lines[-1] if lines else ""
    if last == f"held {mib}":
        return mib, "served"
    return held, ending or last or "an empty answer"
