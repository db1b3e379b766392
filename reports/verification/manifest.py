"""manifest.sha256: the digest of every file of a bundle, as `sha256sum -c manifest.sha256` checks it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import ReportFileError
from harness.results import write_text
from reports.verification.differences import NOTHING, Difference

FILE_NAME = "manifest.sha256"

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<path>.+)")
_SHORT = 12
_CHUNK_BYTES = 1 << 20

# sha256sum writes names with these in another way, and names that are no UTF-8 come here as lone surrogates; nothing of
# ours has a use for either.
_UNFIT = re.compile("[\\\\\n\r\ud800-\udfff]")


def write_manifest(folder: Path) -> Path:
    """Write the manifest of everything else below the folder, whole or not at all, and say where it is.

    Raises `ReportFileError` for a folder that is missing or holds anything but plain files and folders (a link could
    lead out of it), and when it cannot be read or written.
    """
    found = dict(_walk(folder))
    for each, problem in found.items():
        if problem:
            raise ReportFileError(
                f"{folder / each} is {problem}: no manifest was written",
                expected="plain files and folders alone",
                remedy="take it away, or put a copy of what it leads to in its place",
            )
    path = folder / FILE_NAME
    write_text(path, rendered({each: digest(folder / each) for each in found}))
    return path


def rendered(digests: Mapping[str, str]) -> str:
    """The text of a manifest, sorted by path."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def parsed(text: str) -> dict[str, str]:
    """Digest by path. Raises `ReportFileError` with the number of a line that is none of a manifest's."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if not match or match["path"] in found:
            raise ReportFileError(
                f"line {number} of the manifest cannot be read: {line[:80]!r}",
                expected="a SHA-256 in hexadecimal, two spaces, and a path that no other line has",
            )
        found[match["path"]] = match["digest"]
    return found


def read_manifest(folder: Path) -> dict[str, str]:
    """Digest by path. Raises `ReportFileError` when the folder has no manifest or a damaged one."""
    path = folder / FILE_NAME
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportFileError(f"{path} is missing", expected="the digest of every file of the bundle") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReportFileError(f"{path} cannot be read: {error}", expected="lines as sha256sum writes them") from error


def strange(folder: Path) -> Iterator[Difference]:
    """What is no plain file in the folder: a link, a pipe, a name that cannot be listed. Never follows a link."""
    for path, problem in sorted(_walk(folder)):
        if problem:
            yield Difference(file=path, was=problem, should_be="a plain file of its own")


def check(folder: Path) -> Iterator[Difference]:
    """What the manifest says otherwise than a folder of plain files. Raises `ReportFileError` for no manifest.

    Only files that are found below the folder are opened, whatever paths the manifest names.
    """
    listed = read_manifest(folder)
    found = {path for path, _ in _walk(folder)}
    for path in sorted(listed.keys() | found):
        if path not in found:
            yield Difference(file=path, was="missing", should_be=f"there: {FILE_NAME} lists it")
        elif path not in listed:
            yield Difference(file=path, was="there", should_be=f"listed in {FILE_NAME}, or not there")
        else:
            yield from _digest_differs(folder, path, listed[path])


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises `ReportFileError` when it cannot be read."""
    whole = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                whole.update(chunk)
    except OSError as error:
        raise ReportFileError(f"{path} cannot be read: {error.strerror}") from error
    return whole.hexdigest()


def _digest_differs(folder: Path, path: str, should_be: str) -> Iterator[Difference]:
    was = digest(folder / path)
    if was != should_be:
        yield Difference(file=path, field="SHA-256", was=f"{was[:_SHORT]}...", should_be=f"{should_be[:_SHORT]}...")


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """(Path, what is wrong with it or "") of everything below the folder but the manifest itself and plain folders."""
    if not folder.is_dir():
        raise ReportFileError(f"{folder} is {'no folder' if folder.exists() else NOTHING}", expected="a folder")

    def refuse(error: OSError) -> None:
        raise ReportFileError(f"{error.filename} cannot be read: {error.strerror}") from error

    for where, folders, files in os.walk(folder, onerror=refuse, followlinks=False):
        for name in [*folders, *files]:
            path = Path(where, name)
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) or (relative == FILE_NAME and stat.S_ISREG(mode)):
                continue
            yield relative, _problem(path, relative, mode)


def _problem(path: Path, relative: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return f"a link to {path.readlink()}"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    return "a name that cannot stand in a manifest" if _UNFIT.search(relative) else ""
