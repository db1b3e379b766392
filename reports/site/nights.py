"""The published nights: a folder per night, each a whole bundle; what is damaged is left out and named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from harness.errors import IsomarkError, ReportFileError
from reports.bundle_files import Bundle, read_bundle
from reports.verification import manifest

_NAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})(?:-(?P<number>[1-9]\d*))?")
_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Night:
    """`name` is the folder's: a date, and a number from the second run of that date on."""

    name: str
    bundle: Bundle

    @property
    def started(self) -> datetime:
        """When it began; midnight of its date where the report does not say it in a form that can be read."""
        try:
            moment = datetime.fromisoformat(self.bundle.comparison.run.started)
        except ValueError:
            moment = datetime.fromisoformat(self.name[:10])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A folder that is not on the site, and why not."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """`nights`: oldest first, at least one."""

    nights: tuple[Night, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def newest(self) -> Night:
        return self.nights[-1]


def read_published(folder: Path) -> Published:
    """Raises `ReportFileError` when the folder is missing or has no night that can be shown.

    Files beside the nights, and folders whose names begin with a dot, are nobody's night.
    """
    if not folder.is_dir():
        raise ReportFileError(
            f"{folder} is {'not a folder' if folder.exists() else 'not there'}",
            expected="a folder with a bundle for each night",
            remedy="run `isomark nightly` first, or name another folder with --published",
        )
    nights, left_out = [], []
    for each in sorted(folder.iterdir(), key=lambda path: path.name):
        if each.name.startswith(".") or not (each.is_dir() or each.is_symlink()):
            continue
        try:
            nights.append(_night(each))
        except IsomarkError as error:
            left_out.append(LeftOut(name=each.name, why=error.happened))
    if not nights:
        damaged = "".join(f"; {each.name}: {each.why}" for each in left_out)
        raise ReportFileError(
            f"no night below {folder} can be shown{damaged}",
            expected="folders named after their date, such as 2026-11-23, each with comparison.json and a manifest",
        )
    return Published(nights=tuple(sorted(nights, key=lambda night: _order(night.name))), left_out=tuple(left_out))


def _night(folder: Path) -> Night:
    """Raises `ReportFileError` for a folder whose name, files or digests are not those of a whole bundle."""
    _order(folder.name)
    if folder.is_symlink():
        raise ReportFileError("it is a link")
    strange = list(manifest.strange(folder)) or list(manifest.check(folder))
    if strange:
        named = "; ".join(each.words for each in strange[:_MOST_NAMED])
        rest = f"; and {len(strange) - _MOST_NAMED} more" if len(strange) > _MOST_NAMED else ""
        raise ReportFileError(f"{named}{rest}")
    return Night(name=folder.name, bundle=read_bundle(folder))


def _order(name: str) -> tuple[date, int]:
    """What nights are sorted by. Raises `ReportFileError` for a name that is no date."""
    found = _NAME.fullmatch(name)
    try:
        if found:
            return date.fromisoformat(found["date"]), int(found["number"] or 1)
    except ValueError:
        pass
    raise ReportFileError(
        f"{name!r} is not named after a night", expected="a date such as 2026-11-23, or 2026-11-23-2 for a second run"
    )
