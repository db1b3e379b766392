"""The baseline image: made once for what it is made of, kept, and found again by that.

Made from `docker/baseline/Dockerfile` with the classic builder. Its content hash goes over the Dockerfile, the host
script, the base and, for the base `scratch`, the Node and the libraries that go in; the image carries it as a label.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import docker
from docker.errors import APIError, NotFound

from harness import process, toolchain
from harness.adapters.container.engine import Engine
from harness.adapters.container.settings import SCRATCH
from harness.adapters.node import handler
from harness.errors import ConfigurationError, EngineError, ToolchainError

DOCKERFILE = toolchain.CHECKOUT / "docker" / "baseline" / "Dockerfile"

REPOSITORY = "isomark-baseline"
IMAGE_LABEL = "isomark.image"
HANDLER_LABEL = "isomark.handler"

NODE_IN_IMAGE = PurePosixPath("/usr/local/bin/node")
"""Where the official Node images have theirs."""

HANDLER_IN_IMAGE = PurePosixPath("/isomark/handler")

BUILD_DEADLINE_S = 900
"""Safety deadline of a build, which for a base of the network loads it first."""

PRUNE_DEADLINE_S = 60.0
"""Safety deadline for the engine to be done with what somebody else has it remove."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an image is made of. `files`: its path in the image to the file here that goes there."""

    base: str
    files: dict[PurePosixPath, Path]

    @cached_property
    def content_hash(self) -> str:
        whole = hashlib.sha256(DOCKERFILE.read_bytes())
        whole.update(self.base.encode())
        for place, path in sorted(self.files.items()):
            whole.update(f"{place} {toolchain.sha256_of(path)}\n".encode())
        return whole.hexdigest()


@cache
def recipe(base: str) -> Recipe:
    """Raises `ToolchainError` when this machine's Node, which goes onto `scratch`, or a library of it is missing."""
    files = {HANDLER_IN_IMAGE / path.name: path for path in handler.SOURCES}
    if base == SCRATCH:
        node = toolchain.node()
        files |= {NODE_IN_IMAGE: node} | {PurePosixPath(path): path.resolve() for path in libraries(node)}
    return Recipe(base=base, files=files)


def libraries(binary: Path) -> list[Path]:
    """The shared libraries a program is linked to, its loader among them, as the loader finds them here."""
    try:
        done = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(
            f"the libraries of {binary.name} cannot be listed: {error}",
            expected="a program linked to shared libraries, and ldd",
            remedy="give an image that has Node with base=NAME@sha256:...",
        ) from error
    if "not found" in done.stdout:
        raise ToolchainError(f"a library of {binary.name} is missing:\n{done.stdout}")
    return [Path(found) for found in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.MULTILINE)]


def ensure(engine: Engine, client: docker.APIClient, wanted: Recipe) -> str:
    """The id of the image, which is built where there is none.

    Raises `EngineError` with the engine's words when it cannot be built. A build that is broken off leaves nothing.
    """
    content_hash = wanted.content_hash
    found = _find(engine, client, content_hash)
    if found is None:
        with _one_build_at_a_time():
            found = _find(engine, client, content_hash) or _build(engine, client, wanted, content_hash)
    return found


def require_same_handler(engine: Engine, client: docker.APIClient, container: str, image: str) -> None:
    """Read the host script back out of a container of that image, once per image and process.

    Raises `ConfigurationError` when it is not, byte for byte, the one that the `node` adapter runs.
    """
    if image in _compared:
        return
    with engine.asked("does not show what is in the baseline image"):
        pieces, _ = client.get_archive(container, str(HANDLER_IN_IMAGE))
        whole = io.BytesIO(b"".join(pieces))
    contents = {}
    with tarfile.open(fileobj=whole) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                contents[PurePosixPath(member.name).name] = stream.read()
    if handler.sha256_of(contents) != handler.sources_sha256():
        raise ConfigurationError(
            f"the baseline image {image[:19]} holds another host script than the node adapter runs, so the two cannot "
            "be compared",
            expected=f"a handler with the sha256 {handler.sources_sha256()}",
            remedy=f"remove the image from {engine.name}: it is made again when it is needed",
        )
    _compared.add(image)


_compared: set[str] = set()
"""Images whose handler this process has compared."""


def _find(engine: Engine, client: docker.APIClient, content_hash: str) -> str | None:
    try:
        with engine.asked("does not say whether it has the baseline image"):
            found = client.inspect_image(_tag(content_hash))  # type: ignore[no-untyped-call]
    except EngineError as error:
        if isinstance(error.__cause__, NotFound):
            return None
        raise
    labels = found["Config"].get("Labels") or {}
    # A name can be given to any image; what it says of itself is what counts.
    return str(found["Id"]) if labels.get(IMAGE_LABEL) == content_hash else None


def _tag(content_hash: str) -> str:
    return f"{REPOSITORY}:{content_hash[:16]}"


def _build(engine: Engine, client: docker.APIClient, wanted: Recipe, content_hash: str) -> str:
    # Untagged leftovers alone: what carries a name is whole.
    filters = {"dangling": ["true"], "label": [f"{IMAGE_LABEL}={content_hash}"]}
    prune = f"POST /images/prune?filters={quote(json.dumps(filters))} {engine.socket}"
    process.leave_to_reaper(prune, there=False)
    try:
        _remove_parts(engine, client, filters)  # of a build whose suite was killed with its reaper
        with engine.asked("does not build the baseline image"):
            words = client.build(
                fileobj=_context(wanted),
                custom_context=True,
                tag=_tag(content_hash),
                buildargs={"BASE": wanted.base, "IMAGE": content_hash, "HANDLER": handler.sources_sha256()},
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_DEADLINE_S,
            )
            said = [str(line.get("error") or line.get("stream") or "").strip() for line in words]
    except BaseException:
        with contextlib.suppress(EngineError):
            _remove_parts(engine, client, filters)
        raise
    finally:
        process.take_from_reaper(prune)
    found = _find(engine, client, content_hash)
    if found is None:
        raise EngineError(
            f"{engine.name} does not build the baseline image",
            expected=f"an image from {DOCKERFILE.name} on {wanted.base}",
            remedy="an image of the network must be reachable; without base= nothing is loaded",
            log_tail="\n".join(filter(None, said[-8:])),
        )
    return found


def _remove_parts(engine: Engine, client: docker.APIClient, filters: dict[str, list[str]]) -> None:
    deadline = time.monotonic() + PRUNE_DEADLINE_S
    with engine.asked("does not remove what is left of a build"):
        while True:
            try:
                client.prune_images(filters=filters)  # type: ignore[no-untyped-call]
            except APIError as error:  # it does one at a time, and somebody else's, such as a reaper's, is under way
                if error.status_code != HTTPStatus.CONFLICT or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _context(wanted: Recipe) -> io.BytesIO:
    """What is sent to the builder: a tar, in memory."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add(DOCKERFILE, "Dockerfile")
        for place, path in sorted(wanted.files.items()):
            tar.add(path, f"root{place}", filter=_plain)
    stream.seek(0)
    return stream


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of this machine's users or clock goes into the image."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755
    return member


@contextlib.contextmanager
def _one_build_at_a_time() -> Iterator[None]:
    """Between processes of this machine: a second one would only build the same once more."""
    with DOCKERFILE.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
