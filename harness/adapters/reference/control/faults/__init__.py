"""How each fault breaks its promise: a wrong number, or a wrong method, put in before anything is deployed.

The plain runtime knows nothing of this: `switch_on` changes the parts it is given. Names and requirements are in
`harness/adapters/reference/faults.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.adapters.reference.control.faults import (
    bindings,
    concurrency,
    cpu,
    isolates,
    memory,
    network,
    services,
    subrequests,
)
from harness.adapters.reference.control.faults.switches import Switch

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System

SWITCHES: dict[str, Switch] = {
    **isolates.SWITCHES,
    **memory.SWITCHES,
    **cpu.SWITCHES,
    **subrequests.SWITCHES,
    **concurrency.SWITCHES,
    **bindings.SWITCHES,
    **network.SWITCHES,
    **services.SWITCHES,
}


def switch_on(name: str, system: System) -> None:
    """Break one promise."""
    SWITCHES[name](system)
