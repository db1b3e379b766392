"""A night's folder on the site: its raw files as they are, its pages made again from them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.errors import ReportFileError
from harness.results import write_text
from reports import comparison_page, conformance_page
from reports.site.nights import Night
from reports.verification import manifest

PAGE = "index.html"

MADE_AGAIN = 14
"""So many of the newest nights have their pages made again; older ones keep those of their own time."""


def address_of(night: Night) -> str:
    """Of the night's comparison, from the root of the site."""
    return f"runs/{night.name}/{PAGE}"


def publish(night: Night, folder: Path, *, anew: bool) -> None:
    """Copy what the manifest lists into the folder; with `anew` the pages are those of today.

    A page that comes out otherwise than at its time gets its line in the copied manifest, so that the folder can be
    verified there too. Raises `ReportFileError`.
    """
    digests = manifest.read_manifest(night.bundle.folder)
    for path in digests:
        _copy(night.bundle.folder / path, folder / path)
    if anew:
        for path, text in _pages(night):
            write_text(folder / path, text)
            digests[path] = hashlib.sha256(text.encode()).hexdigest()
    write_text(folder / manifest.FILE_NAME, manifest.rendered(digests))


def _pages(night: Night) -> Iterator[tuple[str, str]]:
    bundle = night.bundle
    yield PAGE, comparison_page.render(bundle.folder, bundle.comparison)
    for subject, report in bundle.judged:
        page = PurePosixPath(subject.conformance).parent / conformance_page.FILE_NAME
        yield page.as_posix(), conformance_page.render(report)


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise ReportFileError(
            f"{target} cannot be written: {error.strerror}", remedy="give --out a folder with room in it"
        ) from error
