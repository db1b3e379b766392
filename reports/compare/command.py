"""`isomark compare`: promises and cost of several runtimes, measured in turn beside a container, on one page."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import ClassVar

import msgspec

from harness.conformance_run import PROFILES
from harness.interrupts import endings_as_interrupts
from reports import stage_progress
from reports.compare.asked import Asked, specifications

PAGE_FILE = "index.html"
INTERRUPTED = 130


class CompareCommand:
    """Exit codes: 0, that of a conformance run that was not as expected, that of a load that left out what it was to
    measure, 130 after Ctrl-C, else the error's own."""

    name: ClassVar[str] = "compare"
    summary: ClassVar[str] = "judge several runtimes, measure them in turn beside a container, and make one page of it"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--runtime",
            default="reference,workerd",
            metavar="LIST",
            help="what to compare: NAME,key=value,OTHER-NAME (default: %(default)s)",
        )
        parser.add_argument(
            "--baseline",
            default="container",
            metavar="NAME",
            help="what beside them; `none` for the plain process alone, always measured (default: %(default)s)",
        )
        parser.add_argument("--profile", default="quick", choices=PROFILES, help="default: %(default)s")
        parser.add_argument(
            "--report", type=Path, required=True, metavar="DIR", help="folder for the page and raw data"
        )
        parser.add_argument("--seed", type=int, metavar="N", help="of the order (default: a random one, recorded)")
        parser.add_argument("--launches", type=int, metavar="N", help="instead of the profile's own number")
        parser.add_argument(
            "--require-container", action="store_true", help="no container engine is an error, before anything is run"
        )
        parser.add_argument("--resume", action="store_true", help="go on with an interrupted comparison in DIR")
        parser.add_argument("--format", default="text", choices=("text", "json"), help="of standard output")

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises the `IsomarkError` of a wrong word, a missing runtime, a folder that cannot be used, a full disk."""
        # What draws and computes takes a second to import, which no other command should wait for.
        from reports.compare import running, summary

        asked = Asked(
            runtimes=specifications(arguments.runtime),
            baseline=arguments.baseline,
            profile=arguments.profile,
            launches=arguments.launches,
            seed=arguments.seed,
            folder=arguments.report.resolve(),
            resume=arguments.resume,
            require_container=arguments.require_container,
        )
        with endings_as_interrupts(), stage_progress.shown("isomark compare") as progress:
            outcome = running.compare(asked, progress)
        as_json = arguments.format == "json"
        if outcome.report is not None:
            whole = msgspec.json.format(msgspec.json.encode(outcome.report), indent=1).decode()
            print(whole if as_json else f"{summary.render(outcome.report)}\n", flush=True)
        for problem in outcome.problems:
            print(f"isomark compare: {problem}", file=sys.stderr)
        if outcome.exit_code == INTERRUPTED:
            print("isomark compare: go on with the same command and --resume", file=sys.stderr)
        if outcome.report is not None:
            page = os.path.relpath(asked.folder / PAGE_FILE)
            shown = page if not page.startswith(os.pardir) else asked.folder / PAGE_FILE
            print(f"Report: {shown}", file=sys.stderr if as_json else sys.stdout, flush=True)
        return outcome.exit_code
