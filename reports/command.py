"""`isomark report`: both halves of the suite one after the other, and the page made from what they leave behind.

With a word after it: something about bundles that are there already (reports/bundle_commands.py).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import ClassVar

from harness.errors import IsomarkError, ReportFileError, UsageError
from harness.results import CostReport, read_conformance, read_cost
from reports import report_page
from reports.bundle_commands import BUNDLE_COMMANDS
from reports.children import run_child

CHECKOUT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130


class ReportCommand:
    """Promises, cost, page. The exit code is the conformance suite's if that is not 0, else the load generator's."""

    name: ClassVar[str] = "report"
    summary: ClassVar[str] = (
        "make one page of the promises and the cost of a runtime; build a site, verify, compare runs"
    )

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.set_defaults(bundle_command=None)
        subparsers = parser.add_subparsers(metavar="COMMAND", title="about bundles, the folders of comparisons")
        for command in BUNDLE_COMMANDS:
            own = subparsers.add_parser(command.name, help=command.summary, description=command.summary)
            command.configure(own)
            own.set_defaults(bundle_command=command)
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--out", type=Path, metavar="DIR", help="folder for the page and the files behind it")
        where.add_argument(
            "--rebuild", type=Path, metavar="DIR", help="run nothing: make DIR/index.html from the files in DIR"
        )
        parser.add_argument("--runtime", default="workerd", metavar="NAME", help="what to test (default: %(default)s)")
        parser.add_argument("--profile", default="quick", choices=("quick", "full"), help="default: %(default)s")

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `ReportFileError` when a file the page is made from is damaged, or the page cannot be written.

        Raises `UsageError` when nothing was asked for.
        """
        if arguments.bundle_command is not None:
            return int(arguments.bundle_command.run(arguments))
        if arguments.out is None and arguments.rebuild is None:
            raise UsageError(
                "nothing was asked for",
                expected=f"--out DIR, --rebuild DIR, or one of {', '.join(each.name for each in BUNDLE_COMMANDS)}",
                remedy="see `isomark report --help`",
            )
        if arguments.rebuild is not None:
            _say_where(rebuild(arguments.rebuild))
            return 0
        try:
            return _run_and_report(arguments.out.resolve(), arguments.runtime, arguments.profile)
        except KeyboardInterrupt:
            print("isomark report: interrupted; no page was made", file=sys.stderr)
            return INTERRUPTED


def rebuild(folder: Path) -> Path:
    """Make the page from the folder's files alone; the same files give the same bytes. Raises `ReportFileError`."""
    conformance = read_conformance(folder / "conformance.json")
    cost_file = folder / "cost.json"
    if cost_file.exists():
        return report_page.write(folder, conformance, read_cost(cost_file))
    return report_page.write(folder, conformance, None, cost_missing_because="there is no cost.json beside this page")


def _run_and_report(folder: Path, runtime: str, profile: str) -> int:
    _clear(folder)
    shown, chosen = _as_given_to_children(folder), [f"--runtime={runtime}", f"--profile={profile}"]

    suite = [sys.executable, "-m", "pytest", "conformance", *chosen, f"--report={shown}"]
    suite_code = _run(suite)
    conformance_file = folder / "conformance.json"
    if not conformance_file.exists():
        print(
            f"isomark report: the conformance suite ended with exit code {suite_code} and left no conformance.json; "
            "no page was made",
            file=sys.stderr,
        )
        return suite_code or ReportFileError.exit_code
    conformance = read_conformance(conformance_file)

    load = [sys.executable, "-m", "loadgen", *chosen, "--out", shown]
    load_code = _run(load)
    cost, why_not = _cost(folder / "cost.json", load_code)
    if why_not:
        print(f"isomark report: {why_not}", file=sys.stderr)
    page = report_page.write(folder, conformance, cost, cost_missing_because=why_not)
    _say_where(page)
    return suite_code or load_code or (0 if cost else ReportFileError.exit_code)


def _cost(path: Path, load_code: int) -> tuple[CostReport | None, str]:
    """What the load generator measured, or why there is nothing to show. A run cut short says so in its own file."""
    ended = f"the load generator ended with exit code {load_code}"
    if not path.exists():
        return None, f"{ended} and left no cost.json"
    try:
        cost = read_cost(path)
    except ReportFileError:
        return None, f"{ended} and left a cost.json that cannot be read"
    if load_code and cost.complete:
        return None, f"{ended}, so its figures are not shown"
    return cost, ""


def _clear(folder: Path) -> None:
    """Take away the files of an earlier run that this one would otherwise be mistaken for. Raises `ReportFileError`."""
    for name in ("conformance.json", "cost.json", report_page.FILE_NAME):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ReportFileError(
                f"{folder / name} is of an earlier run and cannot be removed: {error.strerror}",
                remedy="give --out another folder",
            ) from error


def _run(command: list[str]) -> int:
    sys.stdout.flush()
    try:
        return run_child(command, folder=CHECKOUT)
    except OSError as error:
        raise IsomarkError(f"{command[0]} cannot be started: {error.strerror}") from error


def _as_given_to_children(folder: Path) -> str:
    """Relative where it can be: the command line ends up in the report, and should work in another checkout."""
    return str(folder.relative_to(CHECKOUT)) if folder.is_relative_to(CHECKOUT) else str(folder)


def _say_where(page: Path) -> None:
    page, here = page.resolve(), Path.cwd()
    shown = page.relative_to(here) if page.is_relative_to(here) else page
    print(f"Report: {os.fspath(shown)}", flush=True)
