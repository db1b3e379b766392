"""Who takes part: the runtimes, the first of them once more, the baseline, and the plain process.

Each is started once before anything long begins, so that what cannot be had is known at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.application import Application
from harness.comparison_plan import PlannedSubject
from harness.comparison_results import Role
from harness.errors import (
    ConfigurationError,
    IsomarkError,
    StartError,
    UnknownRuntimeError,
    UsageError,
)
from harness.recorder import runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import RuntimeIdentity
from harness.runtime import Request
from harness.toolchain import CHECKOUT
from reports.compare.asked import NO_BASELINE, Asked

FLOOR = "node"

MOST_CHARACTERS = 100
"""Of a name: as many as the load generator takes."""

HELLO = CHECKOUT / "loadgen" / "workers" / "hello"
"""What every runtime is started with first; it is also what most figures are of."""

_MISTAKES = (UsageError, UnknownRuntimeError, ConfigurationError)
"""Errors of whoever wrote the command line: they say nothing about what this machine has."""


@dataclass(frozen=True, kw_only=True)
class Parties:
    """`baseline_missing`: why there is no container among them; empty when there is one."""

    subjects: tuple[PlannedSubject, ...]
    baseline_missing: str


def parties(asked: Asked) -> Parties:
    """Who takes part in the comparison. Every one of them was just seen to serve.

    Raises the `IsomarkError` of a runtime that does not; for the baseline only with `require_container`.
    """
    subjects: list[PlannedSubject] = []
    tried = {specification: identified(specification) for specification in asked.runtimes}
    for specification, identity in tried.items():
        _add(subjects, _name(identity), Role.RUNTIME, specification, identity)
    first = subjects[0]
    _add(subjects, f"{first.name} again", Role.REPEAT, first.specification, first.runtime)
    missing = ""
    if asked.baseline == NO_BASELINE:
        missing = "none was asked for"
    elif asked.baseline == FLOOR:
        missing = "the plain process was asked for in its place"
    else:
        try:
            identity = identified(asked.baseline)
        except _MISTAKES:
            raise
        except IsomarkError as error:
            if asked.require_container:
                raise
            missing = error.happened
        else:
            _add(subjects, _name(identity), Role.BASELINE, asked.baseline, identity)
    _add(subjects, FLOOR, Role.FLOOR, FLOOR, tried.get(FLOOR) or identified(FLOOR))
    return Parties(subjects=tuple(subjects), baseline_missing=missing)


def identified(specification: str) -> RuntimeIdentity:
    """What the runtime says it is, once it has served a request. Raises the `IsomarkError` of whatever fails."""
    runtime = resolve(specification)
    identity = runtime_identity(runtime, RuntimeSpecification.parse(specification).settings)
    with runtime.launch(Application.load(HELLO)) as instance:
        answer = instance.fetch("hello", Request())
    if answer.status != 200:
        raise StartError(
            f"runtime {specification!r} answered its first request with status {answer.status}", expected="status 200"
        )
    return identity


def slug_of(name: str) -> str:
    """The name as it stands in names of files: the same that the load generator gives it."""
    return re.sub(r"[^A-Za-z0-9]", "-", name)


def once_each(subjects: Iterable[PlannedSubject]) -> tuple[PlannedSubject, ...]:
    """Those to be judged: subjects of one specification keep the same promises, so the first stands for all."""
    found: dict[str, PlannedSubject] = {}
    for subject in subjects:
        found.setdefault(subject.specification, subject)
    return tuple(found.values())


def _name(identity: RuntimeIdentity) -> str:
    """The runtime's name, with its settings where it has any. No equals sign: names go onto command lines."""
    settings = ", ".join(f"{key} {value}" for key, value in identity.settings.items())
    return f"{identity.name} ({settings})".replace("=", " ") if settings else identity.name


def _add(subjects: list[PlannedSubject], name: str, role: Role, specification: str, identity: RuntimeIdentity) -> None:
    """Append a subject under a name of its own: one that is there in another part gets its part added."""
    if any(each.name == name for each in subjects):
        name = f"{name} ({role.value})"
    if len(name) > MOST_CHARACTERS or not name.isprintable():
        raise UsageError(
            f"{specification} would be called {name!r}, which is {len(name)} characters",
            expected=f"up to {MOST_CHARACTERS} printable characters",
            remedy="give the runtime a shorter path or fewer settings",
        )
    slug = slug_of(name)
    if any(each.name == name or each.slug == slug for each in subjects):
        raise UsageError(
            f"--runtime names two runtimes that would both be called {name!r}",
            expected="runtimes that differ in their names or settings",
        )
    subjects.append(PlannedSubject(name=name, slug=slug, role=role, specification=specification, runtime=identity))
