"""Claims are graded by bounds: kept, not kept, not shown, not measured, each for its own reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import load_results as warnings
from harness.catalogue import load
from harness.comparison_results import Claim, ComparisonReport, Grade
from harness.rows import Status
from harness.toolchain import CHECKOUT
from reports.comparison.claim_rules import CLAIM_RULES, Limits
from tests.comparison_inputs import MS, Subject, a_cost_row, a_row, computed, container, node, repeat, runtime, spread


def the_claim(report: ComparisonReport, requirement: str, subject: str = "workerd", rule: str = "") -> Claim:
    (found,) = [
        each
        for each in report.claims
        if (each.requirement, each.subject) == (requirement, subject) and rule in each.rule
    ]
    return found


def isolate(milliseconds: float, *, noise: float = 0.01, launches: int = 10, **changes: Any) -> Subject:
    return runtime().cell("cold-start", "isolate", spread(milliseconds * MS, launches, noise=noise), **changes)


@pytest.mark.parametrize(
    ("low", "high", "grade"),
    [
        (3.0, 4.9, Grade.KEPT),
        (5.1, 6.0, Grade.NOT_KEPT),
        (4.9, 5.1, Grade.NOT_SHOWN),
        (4.0, 5.0, Grade.NOT_SHOWN),
        (5.0, 6.0, Grade.NOT_SHOWN),
    ],
)
def test_an_upper_limit(low: float, high: float, grade: Grade) -> None:
    assert Limits(under=5.0).grade(low, high) is grade


@pytest.mark.parametrize(
    ("low", "high", "grade"),
    [
        (110, 900, Grade.KEPT),
        (50, 99, Grade.NOT_KEPT),
        (1_001, 1_100, Grade.NOT_KEPT),
        (90, 200, Grade.NOT_SHOWN),
        (900, 1_100, Grade.NOT_SHOWN),
    ],
)
def test_a_range(low: float, high: float, grade: Grade) -> None:
    assert Limits(over=100.0, under=1_000.0).grade(low, high) is grade


@pytest.mark.parametrize(
    ("milliseconds", "noise", "grade"),
    [(3.9, 0.01, Grade.KEPT), (6.0, 0.01, Grade.NOT_KEPT), (4.8, 0.2, Grade.NOT_SHOWN), (5.2, 0.2, Grade.NOT_SHOWN)],
)
def test_cold_start_of_an_isolate(tmp_path: Path, milliseconds: float, noise: float, grade: Grade) -> None:
    """Figure, interval, launches and file beside the grade; a figure below the limit is not enough."""
    report = computed(tmp_path, isolate(milliseconds, noise=noise))
    found = the_claim(report, "ISO-8")
    assert found.grade is grade
    assert found.unit == "ms"
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(milliseconds, rel=0.15)
    assert (found.low < 5 < found.high) is (grade is Grade.NOT_SHOWN)
    assert found.launches == 10
    assert found.sources == ("load/cold-start/workerd/load.json",)
    assert f"{found.value:.2f} ms" in found.why


def test_many_under_three_milliseconds_is_a_figure(tmp_path: Path) -> None:
    curve = ((0.0, 2_000_000), (0.4, 2_900_000), (0.62, 2_999_999), (0.9, 3_100_000), (1.0, 9_000_000))
    found = the_claim(computed(tmp_path, isolate(3.0, curve_ns=curve, count=1_200)), "ISO-8")
    assert "62% of all 1,200 starts took under 3 ms" in found.why


@pytest.mark.parametrize("launches", [1, 3, 9])
def test_too_few_launches_show_nothing(tmp_path: Path, launches: int) -> None:
    """The figure is there, and its interval from two launches on; the grade needs ten."""
    found = the_claim(computed(tmp_path, isolate(3.0, launches=launches)), "ISO-8")
    assert found.grade is Grade.NOT_SHOWN
    assert found.value is not None
    assert found.launches == launches
    assert (found.low is None) is (launches == 1)
    assert ("one launch has no interval" if launches == 1 else "too few launches") in found.why


def test_no_isolates_on_demand_is_said(tmp_path: Path) -> None:
    """In the measurement's own words."""
    left_out = warnings.LeftOut(
        modes=("isolate", "code-cache"), words="isolate, code-cache are not measured: it makes none"
    )
    found = the_claim(computed(tmp_path, runtime().warn("cold-start", left_out)), "ISO-8")
    assert (found.grade, found.why) == (Grade.NOT_MEASURED, "it makes none")
    assert found.value is None


def test_a_saturated_cell_grades_nothing(tmp_path: Path) -> None:
    subject = runtime().cell("cold-start", "isolate", saturated=True, saturation="behind")
    found = the_claim(computed(tmp_path, subject), "ISO-8")
    assert found.grade is Grade.NOT_MEASURED
    assert "behind" in found.why


def test_a_broken_workload_grades_nothing(tmp_path: Path) -> None:
    """Isolates that share their globals start fast; the figure stands, marked, and the claim is not shown."""
    subject = isolate(3.0)
    subject.rows = (a_row("ISO-1", Status.FAIL),)
    found = the_claim(computed(tmp_path, subject), "ISO-8")
    assert found.grade is Grade.NOT_SHOWN
    assert found.value is not None
    assert "ISO-1" in found.why


@pytest.mark.parametrize(
    ("milliseconds", "grade"),
    [(290, Grade.KEPT), (60, Grade.NOT_KEPT), (1_400, Grade.NOT_KEPT), (100, Grade.NOT_SHOWN)],
)
def test_cold_start_of_a_container(tmp_path: Path, milliseconds: float, grade: Grade) -> None:
    started = container().cell("cold-start", "runtime", spread(milliseconds * MS))
    found = the_claim(computed(tmp_path, isolate(3.0), started), "ISO-9", "container")
    assert found.grade is grade
    assert found.sources == ("load/cold-start/container/load.json",)


@pytest.mark.parametrize(
    ("missing", "why"), [("no engine answered", "no engine answered"), ("", "no container was compared")]
)
def test_no_container_is_said(tmp_path: Path, missing: str, why: str) -> None:
    report = computed(tmp_path, isolate(3.0), about={"baseline_missing": missing})
    found = the_claim(report, "ISO-9", "", "container")
    assert (found.grade, found.why) == (Grade.NOT_MEASURED, why)


@pytest.mark.parametrize(
    ("node_ms", "grade"),
    [(300, Grade.KEPT), (900, Grade.KEPT), (60, Grade.NOT_KEPT), (150, Grade.NOT_SHOWN)],
)
def test_an_isolate_costs_a_hundredth_of_a_process(tmp_path: Path, node_ms: float, grade: Grade) -> None:
    """An isolate of 3 ms: 1/100 and cheaper keep it, 1/20 does not, 1/50 within the noise shows nothing."""
    report = computed(tmp_path, isolate(3.0), node().cell("cold-start", "runtime", spread(node_ms * MS, seed=2)))
    found = the_claim(report, "ISO-9", rule="Node process")
    assert found.grade is grade
    assert found.unit == "times"
    assert found.value == pytest.approx(node_ms / 3, rel=0.05)
    assert found.sources == ("load/cold-start/workerd/load.json", "load/cold-start/node/load.json")
    assert "at most 1/50" in found.rule


@pytest.mark.parametrize(("of_isolate", "of_node"), [(10, 9), (9, 10)])
def test_the_side_with_fewer_launches_counts(tmp_path: Path, of_isolate: int, of_node: int) -> None:
    process = node().cell("cold-start", "runtime", spread(300 * MS, of_node))
    found = the_claim(computed(tmp_path, isolate(3.0, launches=of_isolate), process), "ISO-9", rule="Node process")
    assert found.grade is Grade.NOT_SHOWN
    assert found.launches == 9


def test_no_process_to_hold_it_against(tmp_path: Path) -> None:
    alone = the_claim(computed(tmp_path / "a", isolate(3.0)), "ISO-9", rule="Node process")
    assert (alone.grade, alone.why) == (Grade.NOT_MEASURED, "no plain process was measured beside it")
    unmeasured = node().cell("cold-start", "runtime", not_timed="its first answer was wrong")
    found = the_claim(computed(tmp_path / "b", isolate(3.0), unmeasured), "ISO-9", rule="Node process")
    assert found.grade is Grade.NOT_MEASURED
    assert "its first answer was wrong" in found.why


def dense(*points: int, megabytes: float = 1.6, grows: float = 1.0) -> Subject:
    """Isolates that cost `grows` times as much at the last point as at the first."""
    subject = runtime()
    for place, point in enumerate(points):
        factor = grows ** (place / max(1, len(points) - 1))
        observed = {"PSS MB per instance": spread(megabytes * factor, seed=place + 1)}
        subject.cell("density", f"isolates-{point}", spread(4 * factor * MS, seed=place + 9), observed=observed)
    return subject


@pytest.mark.parametrize(
    ("grows", "grade"),
    [(1.0, Grade.KEPT), (0.5, Grade.KEPT), (1.1, Grade.KEPT), (1.5, Grade.NOT_KEPT), (1.25, Grade.NOT_SHOWN)],
)
@pytest.mark.parametrize("what", ["memory per isolate", "first answer"])
def test_flat_as_isolates_grow(tmp_path: Path, grows: float, grade: Grade, what: str) -> None:
    found = the_claim(computed(tmp_path, dense(100, 500, 1_000, grows=grows)), "ISO-10", rule=what)
    assert found.grade is grade
    assert found.value == pytest.approx(grows, rel=0.02)
    assert "100 isolates" in found.why
    assert "1,000 isolates" in found.why


def test_hundreds_are_not_thousands(tmp_path: Path) -> None:
    found = the_claim(computed(tmp_path, dense(100, 500)), "ISO-10", rule="memory")
    assert found.grade is Grade.NOT_SHOWN
    assert "up to 500 isolates only" in found.why


def test_one_point_shows_no_growth(tmp_path: Path) -> None:
    found = the_claim(computed(tmp_path, dense(1_000)), "ISO-10", rule="memory")
    assert found.grade is Grade.NOT_SHOWN
    assert "only one point" in found.why


def calls(fetch_us: float, http_us: float) -> Subject:
    subject = runtime().derive("chain", "fetch-hop", spread(fetch_us)).derive("chain", "rpc-hop", spread(33))
    return subject.derive("chain", "http-hop", spread(http_us, seed=2))


@pytest.mark.parametrize(("http_us", "grade"), [(129, Grade.KEPT), (60, Grade.NOT_KEPT), (82, Grade.NOT_SHOWN)])
def test_a_bound_call_is_far_cheaper_than_http(tmp_path: Path, http_us: float, grade: Grade) -> None:
    """41 us against it: less than half is far cheaper, more is not."""
    found = the_claim(computed(tmp_path, calls(41, http_us)), "BND-8", rule="(fetch)")
    assert found.grade is grade
    assert found.value == pytest.approx(http_us / 41, rel=0.03)


@pytest.mark.parametrize(
    ("fetch_us", "within_range", "under_one"),
    [
        (41, Grade.KEPT, Grade.KEPT),
        (543, Grade.NOT_KEPT, Grade.KEPT),
        (500, Grade.NOT_SHOWN, Grade.KEPT),
        (1_500, Grade.NOT_KEPT, Grade.NOT_KEPT),
    ],
)
def test_what_a_call_takes(tmp_path: Path, fetch_us: float, within_range: Grade, under_one: Grade) -> None:
    report = computed(tmp_path, calls(fetch_us, 129))
    assert the_claim(report, "SVC-6", rule="(fetch) takes 0.1 to 0.5 ms").grade is within_range
    found = the_claim(report, "SVC-6", rule="(fetch) takes under 1 ms")
    assert found.grade is under_one
    assert found.unit == "ms"
    assert found.value == pytest.approx(fetch_us / 1_000, rel=0.02)
    internet = the_claim(report, "SVC-6", "", "over the internet")
    assert internet.grade is Grade.NOT_MEASURED


def test_no_service_bindings_is_said(tmp_path: Path) -> None:
    modes = ("fetch-1", "rpc-1", "fetch-32", "rpc-32")
    words = f"{', '.join(modes)} are not measured: it has no service bindings"
    subject = runtime().derive("chain", "http-hop", spread(129))
    report = computed(tmp_path, subject.warn("chain", warnings.LeftOut(modes=modes, words=words)))
    for requirement, rule in (("BND-8", "(RPC)"), ("SVC-6", "(fetch) takes under")):
        found = the_claim(report, requirement, rule=rule)
        assert (found.grade, found.why) == (Grade.NOT_MEASURED, "it has no service bindings")


@pytest.mark.parametrize(
    ("waiting_ms", "grade"),
    [(5.0, Grade.KEPT), (5.2, Grade.KEPT), (205.0, Grade.NOT_KEPT), (4.0, Grade.NOT_KEPT), (5.5, Grade.NOT_SHOWN)],
)
def test_the_bill_is_for_cpu(tmp_path: Path, waiting_ms: float, grade: Grade) -> None:
    """5 ms of computing, and what is billed when 200 ms of waiting come on top: the same within a tenth, either way."""
    subject = runtime().cell("bill", "wait-0", spread(MS), observed={"billed ms": spread(5.0)})
    subject.cell("bill", "wait-50", spread(MS), observed={"billed ms": spread(9.0)})
    subject.cell("bill", "wait-200", spread(MS), observed={"billed ms": spread(waiting_ms, seed=2)})
    assert the_claim(computed(tmp_path, subject), "CPU-11").grade is grade


def test_no_accounts_no_bill(tmp_path: Path) -> None:
    """Said in the measurement's words where it has some, else in the rule's."""
    silent = runtime().cell("bill", "wait-0", spread(MS))
    assert the_claim(computed(tmp_path / "a", silent), "CPU-11").why == "its accounts name no billed time"
    names = ("cpu ms", "wall ms", "billed ms")
    left_out = warnings.LeftOut(modes=names, words=f"{', '.join(names)} are not measured: workerd keeps no accounts")
    told = the_claim(computed(tmp_path / "b", silent.warn("bill", left_out)), "CPU-11")
    assert (told.grade, told.why) == (Grade.NOT_MEASURED, "workerd keeps no accounts")


def test_a_value_that_has_no_ratio_is_not_graded(tmp_path: Path) -> None:
    subject = runtime().derive("chain", "fetch-hop", [*spread(41, 9), -2.0]).derive("chain", "http-hop", spread(129))
    report = computed(tmp_path, subject)
    for requirement, rule in (("BND-8", "(fetch)"), ("SVC-6", "(fetch) takes under")):
        found = the_claim(report, requirement, rule=rule)
        assert found.grade is Grade.NOT_SHOWN
        assert found.value is None
        assert "a launch's value is -" in found.why


def test_every_runtime_has_its_claims_and_a_repeat_none(tmp_path: Path) -> None:
    report = computed(tmp_path, isolate(3.0), runtime("reference"), repeat(), node())
    subjects = {each.subject for each in report.claims}
    assert subjects == {"workerd", "reference", ""}


def test_every_performance_row_of_the_catalogue_is_there(tmp_path: Path) -> None:
    """Graded, or "not measured" with the reason; a row that no rule names says that no scenario measures it yet."""
    catalogue = load(CHECKOUT / "conformance" / "requirements.toml")
    wanted = {each.id for each in catalogue.requirement if each.level == "performance"} | {"CPU-11"}
    assert wanted == {rule.requirement for rule in CLAIM_RULES}
    subject = isolate(3.0)
    subject.rows = (*(a_cost_row(each) for each in sorted(wanted | {"XYZ-1"})), a_row("MEM-1"))
    report = computed(tmp_path, subject)
    assert {each.requirement for each in report.claims} == wanted | {"XYZ-1"}
    assert all(each.why for each in report.claims)
    assert all(each.grade is not Grade.NOT_MEASURED or each.value is None for each in report.claims)
    unknown = the_claim(report, "XYZ-1", "")
    assert unknown.why == "no scenario of this suite measures it yet"
    assert unknown.statement == "A promise of cost that nobody wrote a rule for"
    assert the_claim(report, "ISO-8").statement == "Cold start of an isolate is under 5 ms, many under 3 ms"
