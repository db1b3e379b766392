"""Who takes turns: `NAME=ROLE=SPEC` of the command line, and the runtime behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparison_results import Role
from harness.errors import UsageError, did_you_mean
from harness.interleaved_results import MeasuredSubject
from harness.recorder import runtime_identity
from harness.redaction import command_without_machine_paths
from harness.registry import RuntimeSpecification, resolve
from harness.runtime import Runtime

MOST_CHARACTERS = 100
"""Of a name, which becomes a folder."""

FORM = "NAME=ROLE=SPEC, as in workerd=runtime=workerd"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """`about` is what the files say of it."""

    runtime: Runtime
    about: MeasuredSubject

    @property
    def slug(self) -> str:
        return self.about.slug

    @property
    def is_process(self) -> bool:
        """Whether it is in the comparison as what isolates are compared with."""
        return self.about.role in {Role.BASELINE, Role.FLOOR}


def subjects_of(words: Sequence[str]) -> tuple[Subject, ...]:
    """Raises `UsageError` for words that are no subjects, `UnknownRuntimeError`, and `ToolchainError` and other errors
    of a runtime that cannot say its version."""
    if not words:
        raise UsageError("there is nothing to measure", expected=f"--subject={FORM}, at least once")
    parsed = [_parsed(word) for word in words]
    slugs: dict[str, str] = {}
    for name, _, _ in parsed:
        slug = slug_of(name)
        if slug in slugs:
            raise UsageError(
                f"--subject: {name!r} and {slugs[slug]!r} would both be kept in the folder {slug!r}",
                expected="names that differ in a letter or a digit",
            )
        slugs[slug] = name
    runtimes = {specification: resolve(specification) for _, _, specification in parsed}
    identities = {
        specification: runtime_identity(runtime, RuntimeSpecification.parse(specification).settings)
        for specification, runtime in runtimes.items()
    }
    return tuple(
        Subject(
            runtime=runtimes[specification],
            about=MeasuredSubject(
                name=name,
                slug=slug_of(name),
                role=role,
                specification=command_without_machine_paths([specification]),
                runtime=identities[specification],
            ),
        )
        for name, role, specification in parsed
    )


def slug_of(name: str) -> str:
    """The name as part of a path."""
    return re.sub(r"[^A-Za-z0-9]", "-", name)


def _parsed(word: str) -> tuple[str, Role, str]:
    name, equals, rest = word.partition("=")
    role, second, specification = rest.partition("=")
    if not (equals and second and name.strip() and specification):
        raise UsageError(f"--subject={word} is no subject", expected=FORM)
    if len(name) > MOST_CHARACTERS or not name.isprintable():
        raise UsageError(
            f"--subject: {name[:MOST_CHARACTERS]!r} is no name",
            expected=f"up to {MOST_CHARACTERS} printable characters",
        )
    if role not in set(Role):
        raise UsageError(f"--subject={word}: there is no role {role!r}", expected=did_you_mean(role, Role))
    return name, Role(role), specification
