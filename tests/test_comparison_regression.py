"""Tonight against the nights before: only equal circumstances count, and only what is beyond doubt fails."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.comparison_results import ComparisonReport, Role
from harness.errors import UsageError
from harness.rows import Status
from harness.statistics import MIN_NIGHTS, GateOutcome
from reports.comparison import environment_differences, regressions, same_environment
from tests.comparison_inputs import MS, Subject, a_row, computed, container, node, repeat, runtime, spread
from tests.statistics_samples import Truth


def a_night(
    folder: Path, day: int, factor: float = 1.0, *, mood: float = 1.0, version: str = "1.0", **how: Any
) -> ComparisonReport:
    """A night in which the runtime's times are `factor` times the usual, and all times `mood` times."""
    times = factor * mood
    subject = runtime().cell("cold-start", "isolate", spread(4 * times * MS, seed=day))
    subject.version = version
    subject.cell("warm", "closed-1", spread(0.2 * times * MS, seed=day + 100))
    subject.cell("concurrency", "compute-50", spread(MS), rps=spread(900 / times, seed=day + 200))
    again = repeat().cell("cold-start", "isolate", spread(4 * times * MS, seed=day + 300))
    floor = node().cell("cold-start", "runtime", spread(80 * mood * MS, seed=day + 400))
    about = {"started": f"2026-11-{day:02d}T02:30:00Z"} | how.pop("about", {})
    return computed(folder / str(day), subject, again, floor, about=about, **how)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> list[ComparisonReport]:
    """Seven equal ones, 2 % apart in mood."""
    folder, moods = tmp_path_factory.mktemp("nights"), Truth(3).launches(7, center=1.0, noise=0.02)
    return [a_night(folder, day, mood=mood) for day, mood in enumerate(moods, start=1)]


def test_a_night_as_ever_passes(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    found = regressions(nights, a_night(tmp_path, 20), 1.10)
    assert [(each.subject, each.mode, each.quantity) for each in found.checked] == [
        ("workerd", "isolate", "p50"),
        ("workerd", "closed-1", "p50"),
        ("workerd", "compute-50", "throughput"),
    ]
    assert found.failed == ()
    assert len(found.decided) == 3
    assert (found.nights, found.others) == (7, 0)
    assert found.words.startswith("0 of 3 figures worse by more than a factor of 1.10, held against 7 nights")


def test_a_slower_runtime_fails_in_time_and_in_rate(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    found = regressions(nights, a_night(tmp_path, 20, 1.6), 1.10)
    assert len(found.failed) == 3
    assert all(math.isclose(each.gate.ratio or 0, 1.6, rel_tol=0.05) for each in found.failed)
    assert found.failed[0].words.startswith("workerd: cold-start, an isolate, median: 1.")


def test_floor_and_repeat_are_not_gated(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    """What is under test is the runtime; the floor is the machine's."""
    now = a_night(tmp_path, 20, mood=3.0)
    assert {each.subject for each in regressions(nights, now, 1.10).checked} == {"workerd"}


def test_launches_pooled_over_nights_would_fail_where_the_gate_does_not(tmp_path: Path) -> None:
    """Nights 15 % apart: one that is 15 % slower than their middle is nothing new."""
    moods = (0.85, 1.15, 0.9, 1.1, 1.0, 0.86, 1.14)
    history = [a_night(tmp_path, day, mood=mood) for day, mood in enumerate(moods, start=1)]
    assert regressions(history, a_night(tmp_path, 20, mood=1.3), 1.10).failed == ()


def test_too_few_nights_decide_nothing(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    found = regressions(nights[: MIN_NIGHTS - 1], a_night(tmp_path, 20, 9.0), 1.10)
    assert found.failed == ()
    assert found.decided == ()
    assert {each.gate.outcome for each in found.checked} == {GateOutcome.TOO_FEW_NIGHTS}
    assert "4 nights before this one can be compared" in found.words


def test_other_circumstances_do_not_count(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    """On another processor, and in a shorter profile: the nights are left out, counted, and nothing fails."""
    elsewhere = a_night(tmp_path / "a", 20, 9.0, environment={"cpu": "Another CPU"})
    found = regressions(nights, elsewhere, 1.10)
    assert (found.nights, found.others) == (0, 7)
    assert found.decided == ()
    assert "7 nights in other circumstances left out" in found.words
    shorter = a_night(tmp_path / "b", 20, 9.0, about={"profile": "quick"})
    assert regressions(nights, shorter, 1.10).decided == ()


def test_only_whole_nights_before_tonight_count(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    """Tonight itself, a later night and one that was cut short may stand in the history, in any order."""
    now = a_night(tmp_path, 20, 1.6)
    later, cut = a_night(tmp_path, 25, 1.6), msgspec.structs.replace(nights[0], complete=False)
    found = regressions([now, later, cut, *reversed(nights[1:])], now, 1.10)
    assert found.nights == 6
    assert len(found.failed) == 3


def test_a_new_version_is_compared_and_named(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    """Whether a new version is slower is what is asked."""
    found = regressions(nights, a_night(tmp_path, 20, 1.6, version="2.0"), 1.10)
    assert len(found.failed) == 3
    assert found.failed[0].changed == "version 1.0 the night before, 2.0 tonight"
    assert "version 1.0 the night before" in found.failed[0].words


def test_a_marked_figure_is_not_gated(tmp_path: Path, nights: list[ComparisonReport]) -> None:
    subject = runtime().cell("cold-start", "isolate", spread(9 * MS)).cell("warm", "closed-1", spread(9 * MS))
    subject.rows = (a_row("ISO-1", Status.FAIL),)
    floor = node().cell("cold-start", "runtime", spread(80 * MS))
    now = computed(tmp_path, subject, repeat(), floor, about={"started": "2026-11-20T00:00:00Z"})
    found = regressions(nights, now, 1.10)
    assert [each.mode for each in found.checked] == ["closed-1"]


def test_the_fullest_density_is_gated(tmp_path: Path) -> None:
    subject = runtime()
    for number in (100, 1_000):
        subject.cell("density", f"isolates-{number}", spread(MS), observed={"PSS MB per instance": spread(1.6)})
    found = regressions([], computed(tmp_path, subject), 1.10)
    assert [(each.mode, each.quantity) for each in found.checked] == [("isolates-1000", "PSS MB per instance")]


def test_more_figures_make_each_stricter(tmp_path: Path) -> None:
    """A worsening that one figure alone would show is not enough among several: the night as a whole is kept honest."""

    def night(day: int, factor: float, *, alone: bool) -> ComparisonReport:
        mood = Truth(day).launches(1, center=1.0, noise=0.03)[0]
        subject = runtime().cell("cold-start", "isolate", spread(4 * factor * mood * MS, seed=day))
        for name in () if alone else ("cold-start/runtime", "warm/closed-1", "bill/wait-0"):
            scenario, _, mode = name.partition("/")
            subject.cell(scenario, mode, spread(MS, seed=day), observed={"billed ms": spread(5, seed=day)})
        folder = tmp_path / f"{alone}-{day}-{factor}"
        return computed(folder, subject, node(), about={"started": f"2026-11-{day:02d}T00:00:00Z"})

    for alone in (True, False):
        history = [night(day, 1.0, alone=alone) for day in range(1, MIN_NIGHTS + 1)]
        found = regressions(history, night(9, 1.36, alone=alone), 1.10)
        isolate = found.checked[0]
        assert isolate.mode == "isolate"
        assert (isolate.gate.outcome is GateOutcome.FAILED) is alone


def test_no_figures_no_gate(tmp_path: Path) -> None:
    found = regressions([], computed(tmp_path, node()), 1.10)
    assert found.checked == ()
    assert found.words == "No gate: this night has no figure that is gated."


def test_a_threshold_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no threshold"):
        regressions([], a_night(tmp_path, 20), 0.9)


BASE = ("cpu", "cores", "cores_usable", "governor", "architecture")


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        *(({name: "another"}, (name,)) for name in BASE),
        ({"cgroup_limits": {"memory_max": "1"}}, ("cgroup_limits",)),
        ({"memory_bytes": 4_000_000_000}, ("memory",)),
        ({"memory_bytes": 8_323_178_496 - 4_096}, ()),
        ({"kernel": "7.0.1"}, ("kernel, major version",)),
        ({"kernel": "6.8.0-generic"}, ()),
        ({"python": "3.12.0"}, ("Python",)),
        ({"python": "3.11.9"}, ()),
        ({"load_average_1min": 9.0, "steal_ticks": 999, "packages": {"pytest": "9"}}, ()),
    ],
)
def test_what_makes_circumstances_equal(tmp_path: Path, facts: dict[str, Any], named: tuple[str, ...]) -> None:
    one = computed(tmp_path / "a", runtime(), node())
    other = computed(tmp_path / "b", runtime(), node(), environment=facts)
    assert environment_differences(one, other) == environment_differences(other, one) == named
    assert same_environment(one, other) is (named == ())


def test_the_node_beside_it_and_the_pinning_are_circumstances(tmp_path: Path) -> None:
    """The runtimes' own versions are not."""

    def night(name: str, *subjects: Subject) -> ComparisonReport:
        return computed(tmp_path / name, *subjects)

    base = night("base", runtime(), node())
    floor = Subject(name="node", role=Role.FLOOR, version="2.0")
    tested = Subject(name="workerd", role=Role.RUNTIME, version="2.0")
    assert environment_differences(base, night("floor", runtime(), floor)) == ("floor and baseline",)
    assert environment_differences(base, night("container", runtime(), node(), container())) == ("floor and baseline",)
    assert same_environment(base, night("tested", tested, node()))
    assert base.pinning is not None
    together = msgspec.structs.replace(base, pinning=msgspec.structs.replace(base.pinning, apart=False))
    assert environment_differences(base, together) == ("pinning",)
    assert environment_differences(base, msgspec.structs.replace(base, pinning=None)) == ("pinning",)
