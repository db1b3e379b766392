"""What is compared with what, the noise floor under it, and the words it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.comparison_results import ComparisonReport, Pair, Word
from harness.rows import Status
from harness.statistics import compare, holm
from tests.comparison_inputs import (
    MS,
    Subject,
    a_row,
    computed,
    container,
    node,
    repeat,
    runtime,
    spread,
)


def the_pair(report: ComparisonReport, *words: str) -> Pair:
    """The one pair whose title has all these words."""
    (found,) = [each for each in report.pairs if all(word in each.title for word in words)]
    return found


def titles(report: ComparisonReport) -> list[str]:
    return [each.title for each in report.pairs if not each.noise]


def noise(report: ComparisonReport) -> list[Pair]:
    return [each for each in report.pairs if each.noise]


def cold(subject: Subject, isolate_ms: float, start_ms: float, *, seed: int = 1, launches: int = 10) -> Subject:
    """Where `isolate_ms` is 0 there are no isolates."""
    if isolate_ms:
        subject.cell("cold-start", "isolate", spread(isolate_ms * MS, launches, seed=seed))
    return subject.cell("cold-start", "runtime", spread(start_ms * MS, launches, seed=seed + 50))


def test_an_isolate_stands_beside_the_container_and_the_floor(tmp_path: Path) -> None:
    """Median and p99 of an isolate against both, of the whole against both, and the container against the floor."""
    report = computed(tmp_path, cold(runtime(), 4, 50), cold(container(), 0, 290, seed=2), cold(node(), 0, 79, seed=3))
    assert titles(report) == [
        "cold start, median: an isolate of workerd, and container started",
        "cold start, 99th percentile: an isolate of workerd, and container started",
        "cold start, median: an isolate of workerd, and node started",
        "cold start, 99th percentile: an isolate of workerd, and node started",
        "start of the whole, median: workerd and container",
        "start of the whole, 99th percentile: workerd and container",
        "start of the whole, median: workerd and node",
        "start of the whole, 99th percentile: workerd and node",
        "start of the whole, median: node and container",
        "start of the whole, 99th percentile: node and container",
    ]
    found = the_pair(report, "cold start, median", "container")
    assert (found.left.mode, found.right.mode, found.unit) == ("isolate", "runtime", "ns")
    assert found.word is Word.FASTER
    assert found.ratio == pytest.approx(290 / 4, rel=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 290 / 4 < found.high


def test_the_slowest_of_few_answers_says_of_how_many(tmp_path: Path) -> None:
    """Of one answer on either side there is no second percentile: the pair of medians says it all."""
    isolate = {"p50_ns": spread(4 * MS), "p99_ns": spread(6 * MS, seed=9)}
    subjects = [
        each.cell("cold-start", "isolate", **isolate, count=150).cell("warm", "closed-1", **isolate, count=1_000)
        for each in (runtime(), repeat())
    ]
    for subject, seed in ((container(), 2), (node(), 3)):
        subjects.append(subject.cell("cold-start", "runtime", spread(90 * MS, seed=seed), count=10))
    for subject in subjects[:2]:
        subject.cell("cold-start", "runtime", spread(50 * MS, seed=4), count=10)
    report = computed(tmp_path, *subjects)
    assert [each for each in titles(report) if "99th" in each] == [
        "cold start, 99th percentile of 15 and 1 answers: an isolate of workerd, and container started",
        "cold start, 99th percentile of 15 and 1 answers: an isolate of workerd, and node started",
    ]
    assert [each.title for each in noise(report) if each.left.quantity == "p99"] == [
        "A/A, cold-start, an isolate, 99th percentile of 15 answers: workerd twice",
        "A/A, warm, one at a time, 99th percentile: workerd twice",
    ]


def test_the_numbers_are_those_of_the_statistics(tmp_path: Path) -> None:
    """Ratio, interval, p and effect of the launches; and Holm's correction over all pairs that are no noise pairs."""
    subjects = [cold(runtime(), 4, 50), cold(repeat(), 4, 50, seed=5), cold(node(), 0, 52, seed=3)]
    report = computed(tmp_path, *subjects)
    pair = the_pair(report, "start of the whole, median", "node")
    values = {
        each.subject: each.per_launch for each in report.series if (each.mode, each.quantity) == ("runtime", "p50")
    }
    expected = compare(values["workerd"], values["node"], seed=None)
    for name in ("ratio", "low", "high", "p", "effect"):
        assert getattr(pair, name) == pytest.approx(getattr(expected, name), rel=1e-5), name
    family = [each for each in report.pairs if not each.noise]
    assert [each.p_holm for each in family] == pytest.approx(holm([each.p or 0 for each in family]), rel=1e-4)
    others = noise(report)
    assert [each.p_holm for each in others] == pytest.approx(holm([each.p or 0 for each in others]), rel=1e-4)
    assert len(family) == len(others) == 4


def test_warm_and_concurrency_compare_equal_modes(tmp_path: Path) -> None:
    """Throughput left over right is slower when lower, whatever the latency."""
    subjects = []
    for subject, factor in ((runtime(), 1.0), (container(), 2.0)):
        for mode in ("closed-1", "open-500"):
            subject.cell("warm", mode, spread(factor * MS))
        for mode in ("wait-10", "compute-10"):
            subject.cell("concurrency", mode, spread(factor * MS), rps=spread(factor * 1_000))
        subjects.append(subject.cell("warm", f"open-{factor:g}", spread(MS)))
    report = computed(tmp_path, *subjects)
    assert len(titles(report)) == 2 * 2 + 2 * 2
    assert the_pair(report, "warm request, 500 a second, median").word is Word.FASTER
    assert the_pair(report, "a waiting handler, 10 connections, throughput").word is Word.SLOWER
    assert all(each.left.mode == each.right.mode for each in report.pairs)


def test_memory_compares_the_fullest_of_each(tmp_path: Path) -> None:
    """An isolate among 1,000 beside a container among 8; the floor and the container among equally many."""
    subjects = [runtime(), container(), node()]
    points = [("isolates", (100, 500, 1_000)), ("instances", (1, 4, 8)), ("instances", (1, 4))]
    for subject, each, (kind, numbers) in zip(subjects, (1.6, 27.0, 25.0), points, strict=True):
        for number in numbers:
            observed = {"PSS MB per instance": spread(each + number / 1e4)}
            subject.cell("density", f"{kind}-{number}", spread(MS), observed=observed)
    report = computed(tmp_path, *subjects)
    assert titles(report) == [
        "memory: one of 1,000 isolates of workerd, and one of 8 instances of container",
        "memory: one of 1,000 isolates of workerd, and one of 4 instances of node",
        "memory: one of 4 instances of node, and of container",
    ]
    assert [each.word for each in report.pairs] == [Word.LESS] * 3


def test_a_bound_call_stands_beside_http(tmp_path: Path) -> None:
    """The runtime's own, and that of container and floor, which have no other way."""
    bound = runtime().derive("chain", "fetch-hop", spread(41)).derive("chain", "rpc-hop", spread(33, seed=4))
    bound.derive("chain", "http-hop", spread(129, seed=2))
    report = computed(tmp_path, bound, node().derive("chain", "http-hop", spread(360, seed=3)))
    assert [(each.left.quantity, each.right.subject, each.right.quantity) for each in report.pairs] == [
        ("fetch-hop", "workerd", "http-hop"),
        ("fetch-hop", "node", "http-hop"),
        ("rpc-hop", "workerd", "http-hop"),
        ("rpc-hop", "node", "http-hop"),
    ]
    assert all(each.word is Word.FASTER for each in report.pairs)


def test_the_bill_is_held_against_itself(tmp_path: Path) -> None:
    """Without a wait and with the longest; that it is the same is no difference, and billing the wait is one."""
    for name, costs, word in (("honest", (5, 5, 5), Word.NO_DIFFERENCE), ("greedy", (5, 55, 205), Word.LESS)):
        subject = runtime()
        for seed, (wait, cost) in enumerate(zip((0, 50, 200), costs, strict=True), start=1):
            subject.cell("bill", f"wait-{wait}", spread(MS), observed={"billed ms": spread(cost, seed=seed)})
        report = computed(tmp_path / name, subject)
        pair = the_pair(report, "billed for the same work in workerd: no waiting, and 200 ms of waiting")
        assert pair.word is word
        assert len(report.pairs) == 1


def test_runtimes_are_compared_with_each_other_once(tmp_path: Path) -> None:
    one, other = cold(runtime(), 4, 50), cold(runtime("reference"), 5, 250, seed=2)
    report = computed(tmp_path, one, other)
    assert titles(report) == [
        "cold start, an isolate, median: workerd and reference",
        "cold start, the whole, median: workerd and reference",
        "cold start, an isolate, 99th percentile: workerd and reference",
        "cold start, the whole, 99th percentile: workerd and reference",
    ]


def test_runtimes_with_different_room_meet_where_both_were(tmp_path: Path) -> None:
    """One stopped at 500 isolates, the other went on to 1,000: they are compared at 500."""
    subjects = [runtime(), runtime("reference")]
    for subject, numbers in zip(subjects, ((100, 500, 1_000), (100, 500)), strict=True):
        for number in numbers:
            subject.cell("density", f"isolates-{number}", spread(MS), observed={"PSS MB per instance": spread(1.6)})
    report = computed(tmp_path, *subjects)
    assert titles(report) == [
        "first answer, 500 isolates, median: workerd and reference",
        "memory: one of 500 isolates: workerd and reference",
    ]


def test_names_are_unique(tmp_path: Path) -> None:
    subjects = [cold(each, 4, 50, seed=place) for place, each in enumerate((runtime(), runtime("b"), repeat()))]
    report = computed(tmp_path, *subjects, cold(node(), 0, 79), cold(container(), 0, 79))
    assert len({each.name for each in report.pairs}) == len(report.pairs)


def test_every_figure_of_the_first_runtime_is_measured_twice(tmp_path: Path) -> None:
    """The A/A pairs are of the first runtime and its repeat alone, and enter no other comparison."""
    subjects = [cold(runtime(), 4, 50), cold(runtime("reference"), 5, 250), cold(repeat(), 4, 50, seed=5)]
    report = computed(tmp_path, *subjects)
    assert [(each.left.subject, each.right.subject, each.left.mode, each.left.quantity) for each in noise(report)] == [
        ("workerd", "workerd again", mode, quantity) for mode in ("isolate", "runtime") for quantity in ("p50", "p99")
    ]
    assert not [each for each in report.pairs if not each.noise and "again" in each.left.subject + each.right.subject]


def test_the_floor_is_the_reach_of_the_same_figure(tmp_path: Path) -> None:
    """The A/A pair of isolates reaches to 1.3, of whole starts to 1.02: a pair has the floor of its own figures."""
    first, again = cold(runtime(), 4, 50), cold(repeat(), 5.2, 50, seed=5)
    report = computed(tmp_path, first, again, cold(node(), 0, 51.5, seed=9))
    loud, quiet = (the_pair(report, "A/A", mode, "median") for mode in ("an isolate", "the whole"))
    isolate, whole = the_pair(report, "an isolate of", "median"), the_pair(report, "start of the whole, median")
    assert loud.high is not None
    assert loud.high > 1.25
    assert isolate.floor == pytest.approx(loud.high)
    assert whole.floor == pytest.approx(max(quiet.high or 0, 1 / (quiet.low or 1)), rel=1e-5)
    assert whole.floor < 1.03
    assert report.noise.factor == pytest.approx(loud.high, rel=1e-5)
    assert report.noise.pairs == 4
    assert report.noise.worst in {loud.name, loud.name.replace("p50", "p99")}, "both are of the same samples here"
    assert "by a factor of up to 1.3" in report.noise.words
    assert "workerd again" in report.noise.words


def test_a_difference_within_the_floor_has_no_word(tmp_path: Path) -> None:
    """3 % with 1 % of noise is clear; not where two of the same differed by 30 % on that day."""
    quiet = [cold(runtime(), 0, 50), cold(repeat(), 0, 50, seed=5), cold(node(), 0, 51.5, seed=9)]
    loud = [cold(runtime(), 0, 50), cold(repeat(), 0, 65, seed=5), cold(node(), 0, 51.5, seed=9)]
    found = [
        the_pair(computed(tmp_path / name, *subjects), "start of the whole, median")
        for name, subjects in (("quiet", quiet), ("loud", loud))
    ]
    assert [each.word for each in found] == [Word.FASTER, Word.NO_DIFFERENCE]
    assert found[0].p_holm == found[1].p_holm
    report = computed(tmp_path / "again", *loud)
    assert any("the two differ by more than their launches explain" in each for each in report.warnings)


def test_a_pair_without_its_own_floor_has_its_scenarios(tmp_path: Path) -> None:
    """`open-500` was not measured a second time: what `closed-1` and `open-100` reached counts, no cold start."""
    first, again, other = runtime(), repeat(), node()
    for mode, factor in (("closed-1", 1.2), ("open-100", 1.4)):
        first.cell("warm", mode, spread(MS))
        again.cell("warm", mode, spread(factor * MS, seed=5))
    for each in (first, other):
        each.cell("warm", "open-500", spread(MS, seed=8))
    first.cell("cold-start", "isolate", spread(MS))
    again.cell("cold-start", "isolate", spread(2 * MS))
    report = computed(tmp_path, first, again, other)
    pair = the_pair(report, "warm request, 500 a second, median")
    assert pair.floor == pytest.approx(the_pair(report, "A/A", "100 a second", "median").high)


def test_without_a_repeat_the_floor_is_unknown_and_said(tmp_path: Path) -> None:
    report = computed(tmp_path, cold(runtime(), 4, 50), cold(node(), 0, 79, seed=2))
    assert report.noise.factor is None
    assert "not known: nothing was measured twice" in report.noise.words
    assert all(each.floor is None for each in report.pairs)
    assert any("not held against a noise floor" in each for each in report.warnings)


@pytest.mark.parametrize(
    ("launches", "word", "corrected"), [(3, Word.TOO_FEW, False), (8, Word.TOO_FEW, True), (10, Word.FASTER, True)]
)
def test_too_few_launches_have_an_interval_and_no_word(
    tmp_path: Path, launches: int, word: Word, corrected: bool
) -> None:
    """Below seven a pair is not in Holm's family; its interval is shown all the same."""
    report = computed(tmp_path, cold(runtime(), 4, 50, launches=launches), cold(node(), 0, 79, launches=launches))
    pair = the_pair(report, "an isolate of", "median")
    assert pair.word is word
    assert (pair.p_holm is not None) is corrected
    assert pair.low is not None
    assert pair.low > 15
    assert (pair.launches_left, pair.launches_right) == (launches, launches)


def test_pairs_with_too_few_launches_do_not_make_the_others_stricter(tmp_path: Path) -> None:
    few, enough = runtime("few"), cold(runtime(), 4, 50)
    few.cell("warm", "closed-1", spread(MS, 3))
    other = cold(node(), 0, 79, seed=3).cell("warm", "closed-1", spread(2 * MS, 3, seed=4))
    report = computed(tmp_path, enough, few, other)
    family = [each for each in report.pairs if each.p_holm is not None]
    assert len(family) == 4
    assert [each.p_holm for each in family] == pytest.approx(holm([each.p or 0 for each in family]), rel=1e-4)


def test_a_marked_figure_is_compared_with_nothing(tmp_path: Path) -> None:
    """A runtime that does not isolate is not "faster" for it; the reader is told."""
    subject = cold(runtime(), 4, 50)
    subject.rows = (a_row("ISO-1", Status.FAIL),)
    report = computed(tmp_path, subject, cold(repeat(), 4, 50, seed=5), cold(node(), 0, 79, seed=2))
    assert not [each for each in report.pairs if "isolate" in each.left.mode]
    assert {each.left.mode for each in report.pairs} == {"runtime"}
    said = [each for each in report.excluded if each.what == "comparisons of an isolate, median"]
    assert [each.subject for each in said] == ["workerd", "workerd again"]
    assert "ISO-1" in said[0].why


@pytest.mark.parametrize("bad", [0.0, -3.0])
def test_a_value_without_a_ratio_is_said_and_not_compared(tmp_path: Path, bad: float) -> None:
    """A throughput of 0, or a call cheaper than nothing: shown launch by launch, with no center and no word."""
    subject = runtime().derive("chain", "fetch-hop", [*spread(41, 9), bad]).derive("chain", "http-hop", spread(129))
    report = computed(tmp_path, subject)
    assert report.pairs == ()
    (series,) = [each for each in report.series if each.quantity == "fetch-hop"]
    assert series.per_launch[-1] == bad
    assert series.center is None
    (said,) = report.excluded
    assert said.what == "comparisons of service binding, fetch"
    assert f"a launch's value is {bad:g}" in said.why


def test_a_bootstrap_that_disagrees_is_said(tmp_path: Path) -> None:
    """Means that differ and medians that do not: the word stands, with a warning beside it."""
    few_large = [100.0] * 12 + [101.0] * 8 + [3_000.0] * 10
    left, right = [each * MS for each in few_large], [101.0 * MS] * 10 + [100.0 * MS] * 10 + [100.5 * MS] * 10
    report = computed(
        tmp_path, runtime().cell("cold-start", "runtime", left), node().cell("cold-start", "runtime", right)
    )
    pair = the_pair(report, "start of the whole, median")
    assert pair.word is Word.SLOWER
    assert pair.bca_high is not None
    assert pair.bca_high >= 1
    assert any("the bootstrap of the medians reaches" in each for each in report.warnings)
