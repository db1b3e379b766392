"""The machine and the software a result was made on: what a reader needs to place a figure, and nothing private."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.redaction import command_without_machine_paths
from harness.toolchain import CHECKOUT

PUBLISHED = "reports/published"
"""Where nights are kept, relative to the checkout."""

_PACKAGES = ("pytest", "pytest-xdist", "httpx", "locust", "hdrhistogram", "pyperf", "matplotlib")

_CGROUP_FILES = {
    "memory_max": ("memory.max", "memory/memory.limit_in_bytes"),
    "cpu_max": ("cpu.max", "cpu/cpu.cfs_quota_us"),
}


def capture() -> dict[str, Any]:
    """Facts of this machine, as JSON values. No host name, user name or path."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)),
        "governor": _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or "not reported",
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "cgroup_limits": _cgroup_limits(),
        "kernel": platform.release(),
        "system": _system_name(),
        "architecture": platform.machine(),
        "load_average_1min": round(os.getloadavg()[0], 2),
        "steal_ticks": _steal_ticks(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "continuous_integration": os.environ.get("CI", "") not in {"", "0", "false"},
    }


def busy_share(seconds: float = 1.0) -> float:
    """The share of all cores' CPU time in use while this watched, from 0 to 1; the load average lags a minute."""
    before = _cpu_ticks()
    time.sleep(seconds)
    used, total = (after - earlier for after, earlier in zip(_cpu_ticks(), before, strict=True))
    return used / total if total else 0.0


def commit() -> tuple[str, bool]:
    """The suite's git commit and whether the tree has changes beyond it; ("unknown", True) outside a checkout.

    Published nights are results, not the suite: one that is not committed yet is no change.
    """
    try:
        head = _git("rev-parse", "HEAD")
        return head, bool(_git("status", "--porcelain", "--", ".", f":(exclude){PUBLISHED}"))
    except (OSError, subprocess.SubprocessError):
        return "unknown", True


def now_utc() -> str:
    """ISO 8601 to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def command_line() -> str:
    """The command that started this process, with `python -m` spelt out and no machine path in it."""
    program = Path(sys.argv[0])
    module = program.name == "__main__.py"
    started = f"python -m {program.parent.name}" if module else program.name
    return command_without_machine_paths([started, *sys.argv[1:]])


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", CHECKOUT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.processor() or "unknown"


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _cgroup_limits() -> dict[str, str]:
    root = Path("/sys/fs/cgroup")
    found = {}
    for name, candidates in _CGROUP_FILES.items():
        value = next((line for each in candidates if (line := _first_line(root / each))), "not reported")
        found[name] = value
    return found


def _steal_ticks() -> int | None:
    fields = _first_line(Path("/proc/stat")).split()
    return int(fields[8]) if len(fields) > 8 else None  # the ninth column


def _cpu_ticks() -> tuple[int, int]:
    """Ticks in use and in all, over all cores since boot; (0, 0) where /proc does not say."""
    ticks = [int(field) for field in _first_line(Path("/proc/stat")).split()[1:9]]
    if len(ticks) < 8:
        return 0, 0
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
