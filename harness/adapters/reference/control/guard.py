"""What keeps the machine safe where an isolate's own limit fails, be it by a fault that was asked for.

The kernel's limits count what a process maps, and V8 maps half a gigabyte for each isolate: so what is resident is
looked at, often enough that it cannot grow far in between.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

LOOK_EVERY_S = 0.05


async def guard(pid: int, most_bytes: int) -> None:
    """End that process once it has more than so much memory resident."""
    statm = Path(f"/proc/{pid}/statm")
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        resident_bytes = int(statm.read_text(encoding="ascii").split()[1]) * page_bytes
        if resident_bytes > most_bytes:
            print(f"the isolate host has {resident_bytes >> 20} MiB resident: ended", file=sys.stderr, flush=True)
            os.kill(pid, signal.SIGKILL)
            return
