"""What a runtime is known to do, from conformance/expectations/<runtime>.toml: never in the tests themselves.

Each entry names a requirement, or one test of it, the status that is expected instead of "pass", why, and where that is
documented. A row that starts to pass is as much a surprise as one that starts to fail: both fail the run.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from harness.catalogue import Catalogue
from harness.errors import ConfigurationError, UsageError
from harness.rows import Expected, Status

_FORETELLABLE = (Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.INCONCLUSIVE)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`test` is a test function's name, or one row's (`test_x[kv]`); without it the entry is about every test of the
    requirement."""

    requirement: str
    status: Status
    reason: str
    link: str
    test: str = ""


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file. `known` entries in any order; the more precise one wins."""

    runtime: str
    known: tuple[Entry, ...] = ()

    def of(self, requirement: str, test: str) -> Expected:
        """The expectation for one row, by its name: "pass" when nothing is known."""
        for name in (test, test.partition("[")[0], ""):
            for entry in self.known:
                if entry.requirement == requirement and entry.test == name:
                    return Expected(status=entry.status, reason=entry.reason, link=entry.link)
        return Expected()

    def stale(self, tests: set[tuple[str, str]]) -> list[Entry]:
        """Entries about tests that do not exist; `tests` holds (requirement, test function name)."""
        requirements = {requirement for requirement, _ in tests}
        return [
            entry
            for entry in self.known
            if entry.requirement not in requirements
            or (entry.test and (entry.requirement, entry.test.partition("[")[0]) not in tests)
        ]


def load(folder: Path, runtime: str, catalogue: Catalogue) -> Expectations:
    """The runtime's file, or none known when it has no file.

    Raises `ConfigurationError` for a damaged file, an unknown requirement, or an entry without reason and link.
    """
    path = folder / f"{runtime}.toml"
    return read(path, runtime, catalogue) if path.exists() else Expectations(runtime=runtime)


def read(path: Path, runtime: str, catalogue: Catalogue) -> Expectations:
    """One file, which must be there and be about that runtime. Raises `ConfigurationError` as `load` does."""
    try:
        expectations = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Expectations)
    except (OSError, ValueError, msgspec.ValidationError) as error:  # damaged TOML and UTF-8 are ValueErrors
        raise ConfigurationError(f"{path} is not an expectations file: {error}") from error
    if expectations.runtime != runtime:
        raise ConfigurationError(
            f"{path} is about runtime {expectations.runtime!r}, and this run is about {runtime!r}",
            expected=f"runtime = {runtime!r} in it, or another file",
        )
    for entry in expectations.known:
        try:
            catalogue.by_id(entry.requirement)
        except UsageError as error:
            raise ConfigurationError(f"{path}: {error}") from error
        if entry.status not in _FORETELLABLE:
            raise ConfigurationError(
                f"{path}: {entry.requirement} expects {entry.status.value!r}",
                expected="one of " + ", ".join(_FORETELLABLE),
                remedy="remove the entry; passing and unsupported need none",
            )
        if not entry.reason.strip() or not entry.link.startswith("https://"):
            raise ConfigurationError(
                f"{path}: {entry.requirement} has no reason or no link",
                expected="why it is so, and an https address that documents it",
            )
    return expectations
