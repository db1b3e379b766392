"""The site's folder is replaced whole: a reader, and whoever looks after a crash, sees the old one or the new one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import ReportFileError
from harness.site_results import SITE_SCHEMA

MARK_FILE = "site.json"


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """A new empty folder; when the body ends well it takes the place of `out`, else it is taken away again.

    Raises `ReportFileError` when `out` holds something that is no site, which is never deleted, or on a full disk.
    """
    _require_ours(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        new.chmod(0o755)
        yield new
        _swap(new, out)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, out: Path) -> None:
    """Two renames: between them, for a moment, there is no site."""
    if not out.exists():
        new.rename(out)
        return
    old = new.with_name(new.name.removesuffix(".partial") + ".old.partial")
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _require_ours(out: Path) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise ReportFileError(f"{out} is not a folder", remedy="name a folder for the site that can be replaced")
    if any(out.iterdir()) and not _marked(out / MARK_FILE):
        raise ReportFileError(
            f"{out} holds something that is no site of isomark's, and is left as it is",
            expected=f"an empty folder, or one with {MARK_FILE} in it",
            remedy="give --out another folder",
        )


def _marked(path: Path) -> bool:
    try:
        found: Any = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(found, dict) and found.get("schema") == SITE_SCHEMA


def _unwritable(out: Path, error: OSError) -> ReportFileError:
    return ReportFileError(
        f"{out} cannot be written: {error.strerror or error}", remedy="give --out a folder with room in it"
    )
