"""Why a page should be believed and how it is made again: controls, environment, warnings, commands, files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.results import ConformanceReport, CostReport, RunIdentity, RuntimeIdentity
from harness.rows import ReasonCode
from reports.evidence import Link, file_link
from reports.quantities import counted

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, kw_only=True)
class EnvironmentLine:
    """One fact on the place of the run. `values` has one entry per run on the page, promises first."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Command:
    what: str
    text: str


def controls(report: ConformanceReport) -> str:
    """How the controls of this run fared, in one sentence."""
    failed = sum(row.reason_code is ReasonCode.CONTROL_FAILED for row in report.rows)
    if failed:
        return f"In this run {counted(failed, 'control')} failed; the rows they belong to are inconclusive."
    return "In this run no control failed."


def environment(conformance: ConformanceReport, cost: CostReport | None) -> tuple[EnvironmentLine, ...]:
    """The programs under test and every leaf of the environments, side by side when there are two runs."""
    runs = [_programs("runtime", conformance.runtime) | leaves(conformance.environment)]
    if cost:
        baseline = _programs("baseline", cost.baseline)
        runs.append(_programs("runtime", cost.runtime) | baseline | leaves(cost.environment))
    names = list(dict.fromkeys(name for run in runs for name in run))
    return tuple(
        EnvironmentLine(name=name, values=tuple(run.get(name, NOT_RECORDED) for run in runs)) for name in names
    )


def facts(*environments: Mapping[str, Any]) -> tuple[EnvironmentLine, ...]:
    """Every leaf of several environments side by side, in the order given."""
    runs = [leaves(each) for each in environments]
    names = list(dict.fromkeys(name for run in runs for name in run))
    return tuple(
        EnvironmentLine(name=name, values=tuple(run.get(name, NOT_RECORDED) for run in runs)) for name in names
    )


def warnings(conformance: ConformanceReport, cost: CostReport | None) -> tuple[str, ...]:
    """What limits these results: uncommitted changes, halves that do not belong together, what was seen on the way."""
    found = []
    if conformance.run.dirty or (cost and cost.run.dirty):
        found.append("The suite had uncommitted changes: the commit alone does not reproduce this report.")
    if cost:
        pairs = (
            ("suite commits", conformance.run.commit, cost.run.commit),
            ("suite versions", conformance.run.suite_version, cost.run.suite_version),
            ("runtimes", _named(conformance), _named(cost)),
            ("profiles", conformance.run.profile, cost.run.profile),
        )
        found += [
            f"Promises and cost come from different {what}: {one} and {other}."
            for what, one, other in pairs
            if one != other
        ]
        found += cost.warnings
    return tuple(found)


def commands(conformance: ConformanceReport, cost: CostReport | None) -> tuple[Command, ...]:
    found = [Command(what="Promises", text=conformance.run.command)]
    return tuple([*found, Command(what="Cost", text=cost.run.command)] if cost else found)


def whole_command(report: ConformanceReport) -> str:
    """The one command that makes both halves and the page anew."""
    settings = "".join(f",{name}={value}" for name, value in report.runtime.settings.items())
    return f"isomark report --runtime={report.runtime.name}{settings} --profile={report.run.profile} --out out/report"


def identity(run: RunIdentity) -> str:
    """The commit as Git names it, and whether that is all of it."""
    commit = run.commit or "unknown commit"
    return f"{commit}, with uncommitted changes" if run.dirty else commit


def files(cost: CostReport | None, names: Iterable[str]) -> tuple[Link, ...]:
    """The files beside the page: those named, then each histogram of the cost once."""
    raw = [path for cell in cost.cells for path in (cell.hlog, cell.pyperf) if path] if cost else []
    return tuple(file_link(path) for path in dict.fromkeys([*names, *raw]))


def _named(report: ConformanceReport | CostReport) -> str:
    return f"{report.runtime.name} {report.runtime.version}"


def _programs(role: str, program: RuntimeIdentity) -> dict[str, str]:
    facts = program.identity | program.settings
    return {role: f"{program.name} {program.version}"} | {f"{role} / {name}": value for name, value in facts.items()}


def leaves(value: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Every fact of an environment in words, by the path to it."""
    found: dict[str, str] = {}
    for key, each in value.items():
        name = f"{before}{key}"
        if isinstance(each, Mapping) and each:
            found |= leaves(each, f"{name} / ")
        else:
            found[name] = _leaf(each)
    return found


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple) and not any(isinstance(each, list | tuple | Mapping) for each in value):
        return ", ".join(_leaf(each) for each in value)
    return json.dumps(value, ensure_ascii=False, default=repr)
