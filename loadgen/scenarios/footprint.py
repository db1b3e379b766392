"""Values of memory that are observed beside times, and what is said where the kernel does not show one."""

from __future__ import annotations

from loadgen.scenarios.bench import Bench

RESIDENT, STILL_THERE = "resident MB", "still there"

PSS, PSS_PER_INSTANCE = "PSS MB", "PSS MB per instance"


def leave_out_pss(bench: Bench) -> None:
    """Say why there is no figure of it."""
    why = "the kernel does not let this process read the others' /proc/PID/smaps_rollup (run as root)"
    bench.left_out.update(dict.fromkeys((PSS, PSS_PER_INSTANCE), why))
