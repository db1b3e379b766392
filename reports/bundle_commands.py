"""`isomark report build`, `rebuild`, `verify` and `diff`: what can be done with bundles that are there already.

What draws and computes is imported when it is needed: every `isomark` command loads this module.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from harness.environment import PUBLISHED
from harness.errors import ReportFileError, VerificationError
from harness.results import write_text
from reports.folder_lock import only_one
from reports.quantities import counted


class BundleCommand(Protocol):
    """A word after `isomark report`."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int:
        """The exit code."""
        ...


class BuildCommand:
    """Code 29 when a folder had to be left out: the site is there, without it."""

    name: ClassVar[str] = "build"
    summary: ClassVar[str] = "make the site from the published nights"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--published",
            type=Path,
            default=Path(PUBLISHED),
            metavar="DIR",
            help="folder with a bundle for each night (default: %(default)s)",
        )
        parser.add_argument(
            "--out", type=Path, default=Path("site"), metavar="DIR", help="folder to replace (default: %(default)s)"
        )

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `ReportFileError` when no night can be shown, or the folder is not a site's or cannot be written."""
        from reports import site

        left_out = site.build(arguments.published, arguments.out)
        for each in left_out:
            print(f"isomark report build: {each.name} is left out: {each.why}", file=sys.stderr)
        print(f"Site: {arguments.out / 'index.html'}")
        return ReportFileError.exit_code if left_out else 0


class RebuildCommand:
    """Only what is computed is written; the raw files stay as they are."""

    name: ClassVar[str] = "rebuild"
    summary: ClassVar[str] = "make a bundle's comparison, page, other formats and manifest again from its raw files"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, metavar="DIR", help="folder of a comparison")

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `ReportFileError` for raw files that are missing or damaged, and when something cannot be written, and
        `AlreadyRunning` while a comparison is being made there."""
        from reports import bundle

        if not arguments.bundle.is_dir():
            raise ReportFileError(f"{arguments.bundle} is no folder", expected="the folder of a comparison")
        with only_one(arguments.bundle, "a comparison", named=False):
            bundle.build(arguments.bundle)
        print(f"Report: {arguments.bundle / bundle.PAGE_FILE}")
        return 0


class VerifyCommand:
    """What differs goes to stdout, a line each."""

    name: ClassVar[str] = "verify"
    summary: ClassVar[str] = "compute verdicts, figures, pages and manifest of bundles again, and say what differs"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bundles", type=Path, nargs="+", metavar="DIR", help="folder of a comparison")

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `VerificationError` when anything differs, `ReportFileError` for a folder that is no bundle."""
        from reports import verification

        total, bad = 0, []
        for folder in arguments.bundles:
            found = verification.verify(folder)
            for each in found:
                print(f"{folder}: {each.words}" if len(arguments.bundles) > 1 else each.words)
            total += len(found)
            if found:
                bad.append(str(folder))
            else:
                print(f"{folder}: everything is as the raw files say")
        if bad:
            raise VerificationError(
                f"{counted(total, 'difference')} in {', '.join(bad)}",
                expected="what the raw files give",
                remedy="take the folder from where it was published; a page alone may be of another version of isomark",
            )
        return 0


class DiffCommand:
    """The older bundle first. The exit code is 0 whether or not anything changed."""

    name: ClassVar[str] = "diff"
    summary: ClassVar[str] = "say what changed from one bundle to another: promises, figures, environment"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("was", type=Path, metavar="OLDER", help="folder of a comparison")
        parser.add_argument("now", type=Path, metavar="NEWER", help="folder of another")
        parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `ReportFileError` for a folder that is no bundle, or a page that cannot be written."""
        from reports.bundle_files import read_bundle
        from reports.run_diff import difference, page, text

        report = difference(read_bundle(arguments.was), read_bundle(arguments.now))
        if arguments.html is not None:
            write_text(arguments.html, page.render(report))
            print(f"Page: {arguments.html}", file=sys.stderr)
        if arguments.format == "json":
            print(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
        else:
            print(text.render(report), end="")
        return 0


BUNDLE_COMMANDS: tuple[BundleCommand, ...] = (BuildCommand(), RebuildCommand(), VerifyCommand(), DiffCommand())
