"""What a scenario is made of: the cells it has, and the turns that fill them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from harness.load_results import LoadDerived, Point
from loadgen.engine import Tally
from loadgen.scenarios.bench import Bench
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.under_test import UnderTest

CLOSED, OPEN, ONE_BY_ONE = "closed", "open", "one by one"


@dataclass(frozen=True, kw_only=True)
class CellPlan:
    """A cell: what a reader is told about it. `body_bytes`: of one right answer, where throughput in MB/s is shown."""

    mode: str
    title: str
    what: str
    verified: str
    loop: str = CLOSED
    connections: int = 1
    rate_rps: float | None = None
    point: Point | None = None
    body_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cells one runtime can have, in the report's order. `left_out`: why not the others, by mode."""

    cells: tuple[CellPlan, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def leaving_out(self, more: Mapping[str, str]) -> Plan:
        """The same without those modes, each with its reason."""
        cells = tuple(cell for cell in self.cells if cell.mode not in more)
        return replace(self, cells=cells, left_out={**self.left_out, **more})


@dataclass(kw_only=True)
class Taken:
    """What one turn brought for one cell.

    `discarded`: right answers that were not of the cell's kind, by reason. `saturated`: the generator could not keep
    up; `saturation` says how it fared. `observed`: values of other kinds. `stop`: why the scenario ends here.
    """

    tally: Tally
    discarded: Counter[str] = field(default_factory=Counter)
    saturated: bool = False
    saturation: str = ""
    observed: dict[str, float] = field(default_factory=dict)
    stop: str = ""


class Turn(Protocol):
    """One mode, or several that are measured by the same requests, within one launch."""

    @property
    def modes(self) -> tuple[str, ...]: ...

    def verify(self) -> Mapping[str, str]:
        """Ask before timing: what is wrong, by mode; empty when all answers are right."""
        ...

    def take(self) -> Mapping[str, Taken]:
        """Measure once. What is cut short by Ctrl-C is lost; earlier turns are not."""
        ...


class Measured(Protocol):
    """What a scenario computes its derived figures from: values by launch, of cells that have figures."""

    def by_launch(self, mode: str, fraction: float) -> Mapping[int, int]:
        """Launch to nanoseconds of the response at that fraction; empty for a cell without figures."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`plan` is made of what the runtime claims, before anything starts; `start` is called once per launch.

    `in_order`: turns follow each other as given, because each builds on the last; else their order is drawn.
    `has_baseline`: whether a process of the baseline is measured too.
    """

    name: str
    about: str
    extents: Mapping[str, Extent]
    plan: Callable[[UnderTest, Extent], Plan]
    start: Callable[[Bench, Plan], Sequence[Turn]]
    derive: Callable[[Measured, Plan], Sequence[LoadDerived]] = lambda _measured, _plan: ()
    in_order: bool = False
    has_baseline: bool = False
