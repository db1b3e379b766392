"""The requirement catalogue, read from conformance/requirements.toml: every promise, tested or not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from harness.errors import ConfigurationError, UsageError, did_you_mean
from harness.features import ConformanceClass

LEVELS = ("must", "should", "performance")


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One promise. `faults` are the lies that break it; `source` the sections that make it."""

    id: str
    level: str
    requirement_class: ConformanceClass = msgspec.field(name="class")
    statement: str
    source: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def area(self) -> str:
        return self.id.partition("-")[0]


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All requirements in catalogue order. `areas` and `classes` map a name to what it is called or means."""

    edition: str
    areas: dict[str, str]
    classes: dict[ConformanceClass, str]
    requirement: tuple[Requirement, ...]

    def by_id(self, identifier: str) -> Requirement:
        """Raises `UsageError` naming the nearest id."""
        for requirement in self.requirement:
            if requirement.id == identifier:
                return requirement
        raise UsageError(
            f"there is no requirement {identifier!r}",
            expected=did_you_mean(identifier, (requirement.id for requirement in self.requirement)),
        )


def load(path: Path) -> Catalogue:
    """Raises `ConfigurationError` for a file that is not a sound catalogue: unreadable, unknown keys, an id twice."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        catalogue = msgspec.convert(content, Catalogue)
    except (OSError, ValueError, msgspec.ValidationError) as error:  # damaged TOML and UTF-8 are ValueErrors
        raise ConfigurationError(f"{path} is not a requirement catalogue: {error}") from error
    seen: set[str] = set()
    for requirement in catalogue.requirement:
        problem = (
            "twice in it"
            if requirement.id in seen
            else "of an area that is not listed"
            if requirement.area not in catalogue.areas
            else f"of level {requirement.level!r}, not one of {', '.join(LEVELS)}"
            if requirement.level not in LEVELS
            else ""
        )
        if problem:
            raise ConfigurationError(f"{path}: requirement {requirement.id} is {problem}")
        seen.add(requirement.id)
    return catalogue
