"""What a runtime says of the faults it carries, checked against the requirement catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from harness.catalogue import Catalogue
from harness.errors import ConfigurationError, UsageError, did_you_mean
from harness.features import ConformanceClass
from harness.runtime import Runtime

SETTING = "fault"
"""The setting that switches a fault on: `--runtime=NAME,fault=FAULT`."""

GRADED = "performance"
"""The level of requirements that are measured and graded: no test keeps or breaks them, so no fault is needed."""


class Fault(Protocol):
    """A fault with consequences. `also`: requirements that fall with `requirement` by necessity; `why` says why."""

    @property
    def requirement(self) -> str: ...
    @property
    def also(self) -> tuple[str, ...]: ...
    @property
    def why(self) -> str: ...


@runtime_checkable
class Faulty(Protocol):
    """A runtime that can break one promise at a time: built with the setting `fault=NAME`, it breaks that one."""

    def faults(self) -> Mapping[str, str | Fault]:
        """Each fault by name, with the requirement it breaks: its id, or a `Fault` where others fall with it."""
        ...


@dataclass(frozen=True, kw_only=True)
class NamedFault:
    """A fault of the matrix."""

    name: str
    requirement: str
    also: tuple[str, ...] = ()
    why: str = ""

    @property
    def area(self) -> str:
        return self.requirement.partition("-")[0]


def carried_by(runtime: Runtime, catalogue: Catalogue) -> tuple[NamedFault, ...]:
    """The faults of a runtime in catalogue order, but for those of performance requirements.

    Raises `UsageError` when it carries none, and `ConfigurationError` for one that says nothing sound of itself.
    """
    if not isinstance(runtime, Faulty):
        raise UsageError(
            f"runtime {runtime.name!r} has no faults to switch on",
            expected="an adapter with faults(), such as reference",
            remedy="see harness/fault_matrix/faults.py for what that is",
        )
    order = {requirement.id: place for place, requirement in enumerate(catalogue.requirement)}
    found = [_named(runtime.name, name, value, order) for name, value in runtime.faults().items()]
    graded = {requirement.id for requirement in catalogue.requirement if requirement.level == GRADED}
    return tuple(
        sorted(
            (each for each in found if each.requirement not in graded),
            key=lambda fault: (order[fault.requirement], fault.name),
        )
    )


def check_areas(areas: Collection[str], catalogue: Catalogue) -> None:
    """Raises `UsageError` for an area that is not in the catalogue."""
    for area in areas:
        if area not in catalogue.areas:
            raise UsageError(f"there is no area {area!r}", expected=did_you_mean(area, catalogue.areas))


def named(names: Collection[str], carried: Collection[NamedFault], runtime: str) -> tuple[NamedFault, ...]:
    """The faults of those names, in catalogue order. Raises `UsageError` for one the runtime does not have."""
    known = {fault.name for fault in carried}
    for name in names:
        if name not in known:
            raise UsageError(f"runtime {runtime!r} has no fault {name!r}", expected=did_you_mean(name, known))
    return tuple(fault for fault in carried if fault.name in names)


def check_agreement(
    carried: Collection[NamedFault], catalogue: Catalogue, areas: Collection[str], classes: Collection[ConformanceClass]
) -> None:
    """Raises `ConfigurationError` unless runtime and catalogue name the same faults for these areas.

    What the catalogue names for a class the runtime does not claim need not be there: it makes no such promise.
    """
    wanted = {
        (fault, requirement.id): requirement.requirement_class
        for requirement in catalogue.requirement
        if requirement.area in areas and requirement.level != GRADED
        for fault in requirement.faults
    }
    there = {(fault.name, fault.requirement) for fault in carried if fault.area in areas}
    missing = [pair for pair, claimed in wanted.items() if claimed in classes and pair not in there]
    unknown = [pair for pair in sorted(there) if pair not in wanted]
    if missing or unknown:
        parts = [f"the catalogue names {_listed(missing)}, which the runtime does not have"] if missing else []
        parts += [f"the runtime has {_listed(unknown)}, which the catalogue does not name"] if unknown else []
        raise ConfigurationError(
            "the runtime's faults are not those of the requirement catalogue: " + "; ".join(parts),
            expected="the same names for the same requirements on both sides",
            remedy="correct conformance/requirements.toml or the runtime's faults()",
        )


def _named(runtime: str, name: str, value: Any, known: Collection[str]) -> NamedFault:
    fault = (
        NamedFault(name=name, requirement=value)
        if isinstance(value, str)
        else NamedFault(
            name=name,
            requirement=getattr(value, "requirement", ""),
            also=tuple(getattr(value, "also", ())),
            why=getattr(value, "why", ""),
        )
    )
    unknown = [each for each in (fault.requirement, *fault.also) if each not in known]
    problem = (
        f"is about {unknown[0]!r}, which is no requirement"
        if unknown
        else "names its own requirement among those that fall with it"
        if fault.requirement in fault.also
        else f"makes {', '.join(fault.also)} fall too and does not say why"
        if fault.also and not fault.why.strip()
        else ""
    )
    if problem:
        raise ConfigurationError(
            f"fault {name!r} of runtime {runtime!r} {problem}",
            expected=did_you_mean(str(unknown[0]), known) if unknown else "a requirement id, with `also` and `why`",
        )
    return fault


def _listed(pairs: Collection[tuple[str, str]]) -> str:
    return ", ".join(f"{fault} ({requirement})" for fault, requirement in pairs)
