"""What a conformance test is given: a way to launch probes and a judge that keeps what was seen.

A test states its promise in its docstring, launches a probe, and says through `judge` what it expected and what it saw.
Everything told to the judge ends in the row, whatever becomes of the test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.application import Application
from harness.errors import ControlFailed, PromiseBroken, UnsupportedFeature
from harness.exchanges import Exchanges, WatchedInstance
from harness.features import Feature
from harness.rows import Measure
from harness.runtime import Conditions, Instance, Outbound, Plan, Runtime, needed_features

EVIDENCE_TEXT_CHARACTERS = 2000


class Judge:
    """Collects evidence, figures and the decision of one test."""

    def __init__(self) -> None:
        self.evidence: dict[str, Any] = {}
        self.measured: list[Measure] = []
        self.exchanges = Exchanges()
        self.probes: list[str] = []

    def saw(self, label: str, value: object) -> None:
        """Keep something the runtime did as evidence. Any value that JSON can hold; long text is cut."""
        self.evidence[label] = _plain(value)

    def measured_value(self, name: str, value: float, unit: str) -> None:
        """Keep a figure."""
        self.measured.append(Measure(name=name, unit=unit, value=round(value, 3)))

    def bracketed(self, name: str, low: float | None, high: float | None, unit: str) -> None:
        """Keep a limit as the last figure that was served and the first that was not; None where it was not found."""
        self.measured.append(Measure(name=name, unit=unit, low=low, high=high))

    def all_evidence(self) -> dict[str, Any]:
        """What the test said it saw, then the probes it used and the requests it sent."""
        sent = self.exchanges.as_evidence()
        return {
            **self.evidence,
            **({"probes": sorted(set(self.probes))} if self.probes else {}),
            **({"requests": sent} if sent else {}),
        }

    def control(self, holds: bool, *, expected: str, saw: object) -> None:
        """What must hold for the test to mean anything. Raises `ControlFailed`: the row is inconclusive."""
        self.saw(f"control: {expected}", saw)
        if not holds:
            raise ControlFailed(expected, str(_plain(saw)))

    def promise(self, kept: bool, *, expected: str, saw: object) -> None:
        """The decision. Raises `PromiseBroken` with both sides: the row is fail."""
        if not kept:
            raise PromiseBroken(expected, str(_plain(saw)))


class NotClaimed(Exception):
    """The runtime does not claim a feature the test needs, and refused the application that needs it."""


class ClassNotClaimed(NotClaimed):
    """The runtime does not claim the conformance class the test belongs to; it was not asked for anything."""


class Launcher:
    """Launches probes on the runtime under test; everything is stopped when the test ends."""

    def __init__(self, runtime: Runtime, workers: Path, stack: contextlib.ExitStack, judge: Judge) -> None:
        self.runtime = runtime
        self._workers = workers
        self._stack = stack
        self._judge = judge

    def application(self, *probes: str, env: str | None = None) -> Application:
        """The probes as one application. Raises `ConfigurationError`."""
        self._judge.probes += [f"{self._workers.parent.name}/{self._workers.name}/{probe}" for probe in probes]
        return Application.load(*(self._workers / probe for probe in probes), env=env)

    def needs(self, feature: Feature) -> None:
        """What no application shows. Raises `NotClaimed` when the runtime does not claim it."""
        if feature not in self.runtime.features():
            raise NotClaimed(f"runtime {self.runtime.name!r} does not claim {feature.value!r}")

    def __call__(
        self,
        *probes: str | Application,
        plan: Plan = Plan.PAID,
        outbound: Outbound | None = None,
        redeployable: Iterable[str] = (),
        instruments: Sequence[type] = (),
        cpu_limited: bool = True,
        env: str | None = None,
    ) -> Instance:
        """Serve probes, by folder name, or one ready `Application`, until the test ends.

        Raises what `Runtime.launch` raises; `NotClaimed` when a feature is neither claimed nor served; `PromiseBroken`
        when one is claimed but refused, or not claimed yet accepted.
        """
        application = next((each for each in probes if isinstance(each, Application)), None)
        if application is None:
            application = self.application(*(str(each) for each in probes), env=env)
        conditions = Conditions(
            plan=plan,
            outbound=outbound or Outbound(),
            redeployable=frozenset(redeployable),
            instruments=frozenset(instruments),
            cpu_limited=cpu_limited,
        )
        unclaimed = self._unclaimed(application, conditions)
        try:
            instance = self._stack.enter_context(self.runtime.launch(application, conditions))
        except UnsupportedFeature as error:
            if unclaimed:
                raise NotClaimed(error.happened) from error
            raise PromiseBroken("an application it claims to support to be served", error.happened) from error
        if unclaimed:
            features = ", ".join(sorted({feature.value for feature in unclaimed}))
            raise PromiseBroken(
                f"an application needing {features} to be refused, since the runtime does not claim it",
                "it was accepted (half-support)",
            )
        return WatchedInstance(instance, self._judge.exchanges)

    def _unclaimed(self, application: Application, conditions: Conditions) -> set[Feature]:
        claimed = self.runtime.features()
        return {feature for feature, _ in needed_features(application, conditions)} - claimed


def _plain(value: object) -> object:
    """The value as JSON would hold it, text cut to a readable length."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        cut = len(value) - EVIDENCE_TEXT_CHARACTERS
        return value if cut <= 0 else f"{value[:EVIDENCE_TEXT_CHARACTERS]} ... ({cut} characters more)"
    return msgspec.to_builtins(value, str_keys=True)
