"""Which runtimes a night can look at: every adapter that is installed and can run on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from harness.comparison_plan import ComparisonPlan
from harness.errors import IsomarkError, ToolchainError
from harness.night_results import LeftOut
from harness.registry import RuntimeSpecification, known_adapters
from reports.compare.subjects import FLOOR, identified
from reports.nightly.asked import AskedNight


@dataclass(frozen=True, kw_only=True)
class Present:
    """`left_out`: adapters that cannot run here, each with the reason."""

    runtimes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def present(asked: AskedNight) -> Present:
    """The runtimes of the night. The baseline and the plain process take part anyway, and are not among them.

    Raises the `IsomarkError` of a runtime that was asked for by name, and `ToolchainError` when no adapter can run.
    """
    if asked.runtimes:
        return Present(runtimes=asked.runtimes, left_out=())
    beside = {FLOOR, RuntimeSpecification.parse(asked.baseline).adapter}
    runtimes: list[str] = []
    left_out: list[LeftOut] = []
    for name in known_adapters():
        if name in beside:
            continue
        try:
            identified(name)
        except IsomarkError as error:
            left_out.append(LeftOut(name=name, why=error.happened))
        else:
            runtimes.append(name)
    if not runtimes:
        raise ToolchainError(
            "no runtime adapter can run on this machine: " + "; ".join(f"{each.name}: {each.why}" for each in left_out),
            remedy="run `isomark doctor` to see what is missing",
        )
    return Present(runtimes=tuple(runtimes), left_out=tuple(left_out))


def as_planned(plan: ComparisonPlan, asked: AskedNight) -> bool:
    """Whether every runtime of the comparison is what it was when it began.

    One that cannot run any more is not, unless the night cannot do without it: then its error must be heard.
    """
    needed = {*asked.runtimes, FLOOR, *([asked.baseline] if asked.require_container else [])}
    for specification in dict.fromkeys(each.specification for each in plan.subjects):
        try:
            now = identified(specification)
            same = all(each.runtime == now for each in plan.subjects if each.specification == specification)
        except IsomarkError:
            same = specification in needed
        if not same:
            return False
    return True
