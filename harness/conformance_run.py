"""What one conformance run knows before its first test: its options, resolved and checked."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from harness import catalogue as catalogue_module
from harness import expectations as expectations_module
from harness import inventory
from harness.errors import ConfigurationError, IsomarkError, UsageError, did_you_mean
from harness.expectations import Expectations
from harness.recorder import Recorder, runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import RuntimeIdentity
from harness.runtime import Runtime
from harness.toolchain import CHECKOUT

CONFORMANCE = CHECKOUT / "conformance"
DEFAULT_RUNTIME = "reference"
PROFILES = ("quick", "full")


def add_options(parser: pytest.Parser) -> None:
    """The options of `pytest conformance`."""
    group = parser.getgroup("isomark", "isomark: conformance of isolate runtimes")
    group.addoption(
        "--runtime",
        dest="isomark_runtime",
        metavar="NAME",
        help=f"adapter to judge, with settings: NAME,key=value [{DEFAULT_RUNTIME}]",
    )
    group.addoption(
        "--requirement",
        dest="isomark_requirement",
        action="append",
        metavar="ID",
        help="only this requirement, such as MEM-1; may repeat",
    )
    group.addoption(
        "--area", dest="isomark_area", action="append", metavar="AREA", help="only these areas, such as ISO,NET"
    )
    group.addoption(
        "--profile",
        dest="isomark_profile",
        choices=PROFILES,
        default="quick",
        help="quick leaves the long tests out [quick]",
    )
    group.addoption(
        "--report",
        dest="isomark_report",
        metavar="DIR",
        help="write conformance.json, conformance.html and junit.xml there",
    )
    group.addoption(
        "--expectations",
        dest="isomark_expectations",
        metavar="FILE",
        help="what the runtime is known to do [conformance/expectations/NAME.toml, where there is one]",
    )
    group.addoption(
        "--require-conformant",
        dest="isomark_require_conformant",
        action="store_true",
        help="exit 1 for any lesser verdict",
    )


class ConformanceRun:
    """One run, the same in the controller and in each pytest-xdist worker; only the controller has a recorder.

    Raises the `IsomarkError` of whatever is wrong with the options, the catalogue or the expectations.
    """

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self.specification = option.isomark_runtime or DEFAULT_RUNTIME
        self.catalogue = catalogue_module.load(CONFORMANCE / "requirements.toml")
        self.areas = _words(option.isomark_area)
        self.requirements = _words(option.isomark_requirement)
        self._check_selection()
        self.profile: str = option.isomark_profile
        self.runtime: Runtime = resolve(self.specification)
        self.expectations = self._read_expectations(option.isomark_expectations)
        self.inventory = inventory.read(CONFORMANCE)
        self._check_inventory()
        self._check_expectations()
        self.folder: Path | None = option.isomark_report and Path(option.isomark_report)
        self.recorder: Recorder | None = None

    def _check_selection(self) -> None:
        for identifier in self.requirements:
            self.catalogue.by_id(identifier)
        for area in self.areas:
            if area not in self.catalogue.areas:
                raise UsageError(f"there is no area {area!r}", expected=did_you_mean(area, self.catalogue.areas))

    def _read_expectations(self, file: str | None) -> Expectations:
        if file is not None:
            return expectations_module.read(Path(file), self.runtime.name, self.catalogue)
        return expectations_module.load(CONFORMANCE / "expectations", self.runtime.name, self.catalogue)

    @functools.cached_property
    def identity(self) -> RuntimeIdentity:
        """What is under test. Hashing its binary takes a while, so only the controller asks."""
        try:
            return runtime_identity(self.runtime, RuntimeSpecification.parse(self.specification).settings)
        except IsomarkError:
            raise
        except Exception as error:  # whatever a third party's adapter raises when it is asked what it is
            raise IsomarkError(
                f"adapter {self.specification!r} cannot say what it is: {type(error).__name__}: {error}",
                expected="version, identity, features and classes",
                remedy="check it with the contract kit, harness.testing",
            ) from error

    def _check_inventory(self) -> None:
        for function in self.inventory:
            try:
                self.catalogue.by_id(function.requirement)
            except UsageError as error:
                raise ConfigurationError(f"{function.file}::{function.name}: {error}") from error

    def _check_expectations(self) -> None:
        stale = self.expectations.stale({(function.requirement, function.name) for function in self.inventory})
        if stale:
            names = ", ".join(f"{entry.requirement} {entry.test}".strip() for entry in stale)
            raise UsageError(
                f"the expectations of {self.runtime.name} are about tests that do not exist: {names}",
                remedy=f"correct conformance/expectations/{self.runtime.name}.toml, or the file --expectations names",
            )

    def selects(self, requirement: str, profile: str) -> bool:
        """Whether --requirement, --area and --profile leave this test in."""
        if profile == "full" and self.profile != "full":
            return False
        if not self.areas and not self.requirements:
            return True
        return requirement in self.requirements or requirement.partition("-")[0] in self.areas


def _words(values: list[str] | None) -> tuple[str, ...]:
    return tuple(word.strip().upper() for value in values or () for word in value.split(",") if word.strip())
