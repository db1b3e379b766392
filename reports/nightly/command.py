"""`isomark nightly`: the whole matrix over every runtime that can run here, kept as data beside the nights before."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tabulate import tabulate

from harness.conformance_run import PROFILES
from harness.environment import PUBLISHED
from harness.interrupts import endings_as_interrupts
from harness.toolchain import CHECKOUT
from reports import stage_progress
from reports.compare.asked import specifications
from reports.nightly.asked import AskedNight, Stage, stages

if TYPE_CHECKING:
    from reports.nightly import running

INTERRUPTED = 130


class NightlyCommand:
    """Exit codes: 0, that of the first stage that was not as it should be (31 for a regression, which is published all
    the same), 32 when another night is being made, 130 after Ctrl-C, else the error's own."""

    name: ClassVar[str] = "nightly"
    summary: ClassVar[str] = "run everything that takes too long for every change, and keep it beside earlier nights"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--published", type=Path, default=CHECKOUT / PUBLISHED, metavar="DIR", help=f"(default: {PUBLISHED})"
        )
        parser.add_argument(
            "--site", type=Path, default=CHECKOUT / "out" / "site", metavar="DIR", help="(default: out/site)"
        )
        parser.add_argument("--profile", default="full", choices=PROFILES, help="default: %(default)s")
        parser.add_argument(
            "--runtimes", metavar="LIST", help="NAME,key=value,OTHER-NAME (default: every adapter that can run here)"
        )
        parser.add_argument("--baseline", default="container", metavar="NAME", help="default: %(default)s")
        parser.add_argument(
            "--require-container", action="store_true", help="no container engine is an error, before anything is run"
        )
        parser.add_argument("--launches", type=int, metavar="N", help="instead of the profile's own number")
        parser.add_argument(
            "--threshold",
            type=float,
            default=1.10,
            metavar="FACTOR",
            help="a figure worse than the nights before by more than this, beyond doubt, fails (default: %(default)g)",
        )
        parser.add_argument(
            "--only", default="compare,faults,soak", metavar="LIST", help="parts of the night (default: %(default)s)"
        )

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises the `IsomarkError` of a wrong word, of a second night at work, of no runtime, of a full disk."""
        # What draws and computes takes a second to import, which no other command should wait for.
        from reports.nightly import running

        asked = AskedNight(
            published=arguments.published.resolve(),
            site=arguments.site.resolve(),
            profile=arguments.profile,
            runtimes=specifications(arguments.runtimes) if arguments.runtimes else (),
            baseline=arguments.baseline,
            require_container=arguments.require_container,
            launches=arguments.launches,
            threshold=arguments.threshold,
            stages=stages(arguments.only),
        )
        with endings_as_interrupts(), stage_progress.shown("isomark nightly") as progress:
            outcome = running.run(asked, progress)
        print(_text(outcome), flush=True)
        for problem in outcome.problems:
            print(f"isomark nightly: {problem}", file=sys.stderr)
        if outcome.regression is not None:
            print(f"isomark nightly: {outcome.regression}", file=sys.stderr)
        interrupted = outcome.exit_code == INTERRUPTED
        if interrupted and outcome.place is None:
            print("isomark nightly: the same command goes on with this night", file=sys.stderr)
        if outcome.place is not None:
            print(f"Published: {_shown(outcome.place)}", flush=True)
            if interrupted:
                build = f"isomark report build --published={_shown(asked.published)} --out={_shown(asked.site)}"
                print(f"isomark nightly: the night is published; build the site with `{build}`", file=sys.stderr)
            else:
                print(f"Site: {_shown(asked.site / 'index.html')}", flush=True)
        return outcome.exit_code


def _text(outcome: running.Outcome) -> str:
    """A line per stage, and who could not take part."""
    night = outcome.night
    ended = {each.name: each for each in night.stages}
    rows = [
        [
            name,
            "not finished" if name not in ended else "well" if ended[name].exit_code == 0 else "NOT WELL",
            f"{ended[name].duration_s:,.0f} s" if name in ended else "",
            _remark(outcome, Stage(name), ended[name].exit_code if name in ended else None),
        ]
        for name in night.chosen
    ]
    lines = [f"Night {night.name}, profile {night.profile}: {', '.join(night.runtimes)}", "", tabulate(rows)]
    lines += [f"left out: {each.name} ({each.why})" for each in night.left_out]
    return "\n".join(lines)


def _remark(outcome: running.Outcome, stage: Stage, code: int | None) -> str:
    if stage is Stage.GATE and outcome.gate is not None:
        return outcome.gate.words
    return f"exit code {code}" if code else ""


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative
