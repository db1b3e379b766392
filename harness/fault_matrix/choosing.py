"""From the words on the command line to what the matrix is made of."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from harness import inventory
from harness.catalogue import Catalogue
from harness.conformance_run import CONFORMANCE
from harness.errors import UsageError
from harness.fault_matrix import faults
from harness.fault_matrix.faults import NamedFault
from harness.fault_matrix.running import RowsChoice, Settings
from harness.registry import RuntimeSpecification, resolve
from harness.runtime import Runtime

MOST_WORKERS = 64


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`runtime` is the plain one. `requirements`: those that need a killed fault."""

    runtime: Runtime
    settings: Settings
    requirements: tuple[str, ...]


def chosen(arguments: argparse.Namespace, known: Catalogue) -> Choice:
    """What is to be run.

    Raises `UsageError` for a wrong word, `UnknownRuntimeError` for no runtime, and `ConfigurationError` when the
    runtime's faults are not those of the catalogue; not, when single faults are named, for those that are not.
    """
    _check_numbers(arguments)
    runtime = _plain_runtime(arguments.runtime)
    carried = faults.carried_by(runtime, known)
    names = _words(arguments.fault)
    picked = faults.named(names, carried, runtime.name) if names else carried
    areas = _areas(arguments, picked, known)
    if names:
        _check_areas_of(picked, areas)
    else:
        faults.check_agreement(carried, known, areas, runtime.classes())
    tried = tuple(fault for fault in picked if fault.area in areas)
    if not tried:
        raise UsageError(
            f"runtime {runtime.name!r} has no faults in the areas {', '.join(areas)}",
            expected="one of " + ", ".join(sorted({fault.area for fault in carried})),
        )
    for fault in tried:
        resolve(f"{arguments.runtime},{faults.SETTING}={fault.name}")  # what is wrong here, each child would repeat
    tests = inventory.read(CONFORMANCE)
    tested = {each.requirement for each in tests if arguments.profile == "full" or each.profile != "full"}
    settings = Settings(
        specification=arguments.runtime,
        faults=tried,
        in_longer_profile={each.requirement for each in tests} - tested,
        areas=areas,
        rows=RowsChoice(arguments.rows),
        profile=arguments.profile,
        workers=arguments.workers,
        minutes=arguments.minutes,
        deadline_s=arguments.deadline,
    )
    broken = {fault.requirement for fault in tried}
    requirements = tuple(
        each.id
        for each in known.requirement
        if each.id in tested
        and (each.id in broken if names else each.area in areas)
        and each.level != faults.GRADED
        and each.requirement_class in runtime.classes()
    )
    return Choice(runtime=runtime, settings=settings, requirements=requirements)


def _check_numbers(arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.workers <= MOST_WORKERS:
        raise UsageError(f"-n {arguments.workers} is out of range", expected=f"1 to {MOST_WORKERS}")
    for option, value in (("--minutes", arguments.minutes), ("--deadline", arguments.deadline)):
        if value is not None and not value > 0:
            raise UsageError(f"{option}={value:g} is out of range", expected="more than 0")


def _plain_runtime(specification: str) -> Runtime:
    if faults.SETTING in RuntimeSpecification.parse(specification).settings:
        raise UsageError(
            f"--runtime={specification} has a fault switched on already",
            expected="a plain runtime: each fault is switched on in turn",
            remedy="name single faults with --fault=NAME",
        )
    return resolve(specification)


def _areas(arguments: argparse.Namespace, picked: Iterable[NamedFault], known: Catalogue) -> tuple[str, ...]:
    """Those that were named, else those of the faults; in catalogue order."""
    areas = {word.upper() for word in _words(arguments.area)}
    faults.check_areas(areas, known)
    return tuple(area for area in known.areas if area in (areas or {fault.area for fault in picked}))


def _check_areas_of(picked: Iterable[NamedFault], areas: tuple[str, ...]) -> None:
    for fault in picked:
        if fault.area not in areas:
            raise UsageError(
                f"fault {fault.name!r} breaks {fault.requirement}, which is not of the areas chosen",
                expected=f"--area={','.join((*areas, fault.area))}",
            )


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())
