"""The matrix in words: a line for each run as it ends, the table, and the one sentence that says what it comes to."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from harness.fault_matrix.judging import never_failed, short
from harness.fault_matrix.report import Broken, FaultResult, FaultsReport, Outcome, PlainRun

_TESTS_SHOWN = 3
_REASON_CHARACTERS = 160
_WIDTH = 140


def plain_line(plain: PlainRun | None) -> str:
    if plain is None:
        return "plain runtime: not run"
    line = f"plain runtime: {_counted(plain.rows, 'row')} in {plain.duration_s:.1f} s"
    if plain.broken:
        line += f", {len(plain.broken)} of them broken"
    if plain.left_out:
        line += f"; {_counted(len(plain.left_out), 'row')} will be run for faults of their own requirement only"
    return line


def finished_line(found: FaultResult, *, done: int, of: int) -> str:
    parts = [_outcome(found)]
    if found.collateral:
        parts.append(f"COLLATERAL in {_counted(len(found.collateral), 'row')}")
    elif found.rows_run > len(found.tests):
        parts.append(f"no collateral in {_counted(found.rows_run - len(found.tests), 'row')}")
    parts.append(f"{found.duration_s:.1f} s")
    if found.problem:
        parts.append(f"NOT WHOLE: {_first_line(found.problem)}")
    return f"{done:3}/{of} {found.name} ({found.requirement}): {', '.join(parts)}"


def second_line(found: FaultResult) -> str:
    """What a second look at a fault's collateral left of it."""
    left = f"still COLLATERAL in {_counted(len(found.collateral), 'row')}" if found.collateral else "no collateral"
    return f"  again {found.name}: {left}, {len(found.unsteady)} did not break again"


def sentence(report: FaultsReport) -> str:
    """What the matrix shows, in one sentence."""
    tried = [each for each in report.faults if each.outcome is not Outcome.LEFT_OUT]
    killed = sum(each.killed for each in tried)
    parts = [f"{killed} of {_counted(len(tried), 'fault')} killed", _collateral_of_all(tried)]
    cut_short = sum(bool(each.problem) for each in tried)
    if cut_short:
        parts.append(f"{_counted(cut_short, 'run')} not whole")
    left_out = len(report.faults) - len(tried)
    if left_out:
        parts.append(f"{left_out} left out")
    if report.unproven:
        parts.append(f"no killed fault for {', '.join(report.unproven)}")
    return f"{'PROVEN' if report.proven else 'NOT PROVEN'}: {', '.join(parts)}"


def _collateral_of_all(tried: Sequence[FaultResult]) -> str:
    """How many had some, or among how many rows there was none: among few, that says little."""
    collateral = sum(bool(each.collateral) for each in tried)
    if collateral:
        return f"{collateral} with collateral"
    least = min((each.rows_run - len(each.tests) for each in tried if each.outcome is not Outcome.NOT_RUN), default=0)
    return f"none with collateral in {_counted(least, 'other row')}" if least > 0 else "collateral not looked at"


def table(report: FaultsReport) -> str:
    """The whole result for a terminal. The sentence comes last."""
    rows = [[each.name, each.requirement, _killed_by(each), _collateral(each)] for each in report.faults]
    incomplete = [] if report.complete else [f"INCOMPLETE: {report.why_incomplete}. What was found until then is kept."]
    parts = [
        *incomplete,
        f"isomark {report.run.suite_version}  promises {report.run.specification}  runtime {report.runtime.name} "
        f"{report.runtime.version}  profile {report.run.profile}  {report.run.duration_s:.1f} s",
        tabulate(rows, headers=["Fault", "Breaks", "Killed by", "Collateral"], tablefmt="simple"),
        *_details(report),
        sentence(report),
    ]
    return "\n\n".join(parts)


def _details(report: FaultsReport) -> list[str]:
    """What has to be looked into, and what was left out."""
    sections = []
    not_run = [each.name for each in report.faults if each.outcome is Outcome.NOT_RUN]
    not_killed = [
        f"{each.name} ({each.requirement}): {each.detail}"
        for each in report.faults
        if not each.killed and each.outcome is not Outcome.NOT_RUN
    ]
    sections += _section("Not killed", not_killed)
    unfailed = [f"{requirement} {short(test)}" for requirement, test in never_failed(report.faults)]
    sections += _section("Tests that no fault failed", unfailed)
    sections += _section("Not run", textwrap.wrap(", ".join(not_run), _WIDTH, break_on_hyphens=False))
    beside = [
        f"{each.name}: {broken.requirement} {short(broken.test)}: {_change(broken)}"
        for each in report.faults
        for broken in each.collateral
    ]
    sections += _section("Collateral", beside)
    unsteady = [
        f"{each.name}: {broken.requirement} {short(broken.test)}: {_change(broken)}"
        for each in report.faults
        for broken in each.unsteady
    ]
    sections += _section("Broke beside a fault once and not again", unsteady)
    spared = [f"{each.name}: {', '.join(each.spared)}" for each in report.faults if each.spared]
    sections += _section("Foretold to fall, and no row that was run did", spared)
    sections += _section("Runs that were not whole", [f"{each.name}: {each.problem}" for each in _with_problem(report)])
    if report.plain is not None:
        sections += _section(
            "Broken without any fault", [f"{each.requirement} {short(each.test)}" for each in report.plain.broken]
        )
        sections += _section("Left out of the search for collateral, for what they take", _left_out(report.plain))
    return sections


def _left_out(plain: PlainRun) -> list[str]:
    counts = Counter(row.requirement for row in plain.left_out)
    unseen = [each for each in counts if each not in plain.looked_at]
    lines = [", ".join(f"{count} of {requirement}" for requirement, count in counts.items())] if counts else []
    if unseen:
        lines.append(f"nothing was looked at of {', '.join(unseen)}: a larger --minutes would")
    return [piece for line in lines for piece in textwrap.wrap(line, _WIDTH, subsequent_indent="  ")]


def _with_problem(report: FaultsReport) -> list[FaultResult]:
    return [each for each in report.faults if each.problem]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return ["\n".join([title, *("  " + line.replace("\n", "\n    ") for line in lines)])] if lines else []


def _killed_by(found: FaultResult) -> str:
    if not found.killed:
        return _outcome(found)
    return _shortened([short(each.test) for each in found.killed_by])


def _collateral(found: FaultResult) -> str:
    if found.outcome in {Outcome.NOT_RUN, Outcome.LEFT_OUT} or not found.rows_run:
        return ""
    fallen = [f"{each.requirement} {short(each.test)}" for each in found.collateral]
    return _shortened(fallen) or ("none" if found.rows_run > len(found.tests) else "not looked at")


def _shortened(lines: list[str]) -> str:
    more = len(lines) - _TESTS_SHOWN
    return "\n".join([*lines[:_TESTS_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _outcome(found: FaultResult) -> str:
    if found.killed:
        return f"killed by {len(found.killed_by)} of {_counted(len(found.tests), 'test')}"
    return found.outcome.value if found.outcome in {Outcome.LEFT_OUT, Outcome.NOT_RUN} else found.outcome.value.upper()


def _change(broken: Broken) -> str:
    reason = textwrap.shorten(_first_line(broken.reason), _REASON_CHARACTERS, placeholder=" ...")
    return f"{broken.plain.value} became {broken.status.value}" + (f", {reason}" if reason else "")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _counted(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"
