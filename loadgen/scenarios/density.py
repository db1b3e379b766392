"""How many instances a machine holds: time to the first answer and memory as their number grows.

An instance is an isolate where the runtime makes isolates on demand, else whatever it gives each Worker: a process, a
container.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.features import Feature
from harness.load_results import Point
from loadgen.scenarios import growth, instances, probes
from loadgen.scenarios.bench import Bench
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.growth import ASKED_AGAIN, isolates_mode
from loadgen.scenarios.instances import instances_mode
from loadgen.scenarios.isolates import COLD
from loadgen.scenarios.model import ONE_BY_ONE, CellPlan, Plan, Scenario, Turn
from loadgen.scenarios.under_test import UnderTest

QUICK = Extent(launches=2, rounds=1, points=(100, 500, 1_000), instances=(1, 4, 8))
FULL = Extent(launches=5, rounds=1, points=(100, 500, 1_000, 2_000, 5_000), instances=(1, 4, 8, 16, 32))

_MEMORY = (
    "Memory of the processes that carry them, as the kernel counts it, in MB of 10^6 bytes: resident pages, and the "
    "proportional set size (PSS), in which a page that several processes share counts once in all."
)


def plan(tested: UnderTest, extent: Extent) -> Plan:
    if Feature.ISOLATES_ON_DEMAND in tested.features:
        return Plan(cells=tuple(_isolates(tested.name, point) for point in extent.points))
    return Plan(
        cells=tuple(_instances(tested.name, number) for number in extent.instances),
        left_out={isolates_mode(point): f"{tested.name} makes no isolates on demand" for point in extent.points},
    )


def _isolates(name: str, point: int) -> CellPlan:
    return CellPlan(
        mode=isolates_mode(point),
        title=f"{point:,} isolates ({name})",
        what=f"First answers of the isolates from the last step up to {point:,}, made one after the other and all "
        f"kept. {_MEMORY} Per isolate: what came on top since before the first.",
        verified=f"{probes.GREETING}; {COLD}; {ASKED_AGAIN} of them are asked again and must be the same ones",
        point=Point(name="isolates", value=point),
    )


def _instances(name: str, number: int) -> CellPlan:
    return CellPlan(
        mode=instances_mode(number),
        title=f"{number:,} instance{'s' if number > 1 else ''} ({name})",
        what=f"So many copies of one Worker launched together as one application, {number:,} here: of each, its share "
        f"of the time of the launch and the time of its first answer. {_MEMORY} Per instance: all of it, divided.",
        verified=f"{probes.GREETING}; {COLD}; each is asked again and must be the same one",
        loop=ONE_BY_ONE,
        point=Point(name="instances", value=number),
    )


def start(bench: Bench, plan: Plan) -> Sequence[Turn]:
    if Feature.ISOLATES_ON_DEMAND in bench.tested.features:
        return growth.start(bench)
    return instances.start(bench)


SCENARIO = Scenario(
    name="density",
    about="time to the first answer, and memory, as isolates, processes or containers grow in number",
    extents={"quick": QUICK, "full": FULL},
    plan=plan,
    start=start,
    in_order=True,
)
