"""Whose a container is, on a label: so that what a killed suite left can be told from what a running one uses."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

import docker
from docker.errors import APIError

from harness.adapters.container.engine import Engine
from harness.reaper import start_time

OWNER_LABEL = "isomark.owner"


def owner() -> str:
    """This process, past any doubt: the machine's boot, the namespace of process ids, the id, when it started."""
    return f"{_here()} {os.getpid()} {start_time(os.getpid())}"


_looked_at: set[Path] = set()
"""Engines at which this process has looked for what others left."""


def remove_abandoned(engine: Engine, client: docker.APIClient) -> None:
    """Once per process and engine: remove the containers of suites that were killed together with their reapers."""
    if engine.socket in _looked_at:
        return
    _looked_at.add(engine.socket)
    with engine.asked("does not list its containers"):
        found = client.containers(all=True, filters={"label": OWNER_LABEL})
    for each in found:
        if is_gone((each.get("Labels") or {}).get(OWNER_LABEL, "")):
            with engine.asked("does not remove a container"), contextlib.suppress(APIError):
                client.remove_container(each["Id"], force=True, v=True)


def is_gone(label: str) -> bool:
    """Whether the owner on a label was a process of this machine and is no more. Of others nothing is known."""
    here, _, rest = label.rpartition(" ")[0].rpartition(" ")
    if here != _here() or not rest.isdigit():
        return False
    return start_time(int(rest)) != label.rpartition(" ")[2]


@cache
def _here() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
