"""From raw files to figures: what is read, what is left out with its reason, and what is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import load_results as warnings
from harness.comparison_results import Excluded, Role
from harness.errors import ReportFileError
from harness.results import write_report
from harness.rows import Status
from harness.statistics import Quantity, interval_of
from harness.verdict import Verdict
from reports.comparison import compute
from reports.comparison.figures import observed_unit, quantity_of
from tests.comparison_inputs import (
    MS,
    Subject,
    a_row,
    an_about,
    computed,
    container,
    node,
    repeat,
    runtime,
    spread,
    the_series,
    write,
)


def test_a_series_has_a_value_per_launch_and_its_interval(tmp_path: Path) -> None:
    values = spread(4 * MS)
    report = computed(tmp_path, runtime().cell("cold-start", "isolate", values))
    found = the_series(report, "workerd", "isolate", "p50")
    expected = interval_of([round(each) for each in values])
    assert found.per_launch == tuple(map(float, map(round, values)))
    assert found.unit == "ns"
    assert found.center == pytest.approx(expected.center, rel=1e-5)
    assert found.low == pytest.approx(expected.low, rel=1e-5)
    assert found.high == pytest.approx(expected.high, rel=1e-5)
    assert found.mark == ""
    assert the_series(report, "workerd", "isolate", "p99").per_launch[0] == 2 * round(values[0])


def test_throughput_is_a_figure_of_concurrency_alone(tmp_path: Path) -> None:
    """In an open loop it is the rate that was asked for, and of one connection latency upside down."""
    subject = (
        runtime().cell("concurrency", "wait-10", spread(MS), rps=spread(900.0)).cell("warm", "open-500", spread(MS))
    )
    report = computed(tmp_path, subject)
    assert [each.mode for each in report.series if each.quantity == "throughput"] == ["wait-10"]
    assert the_series(report, "workerd", "wait-10", "throughput").unit == "req/s"


def test_observed_and_derived_values_are_figures(tmp_path: Path) -> None:
    """With the unit their name carries; a bare number, such as how many are still there, is a control and no figure."""
    observed = {"PSS MB per instance": spread(1.6), "phase boot ms": spread(47.0), "still there": [1.0] * 10}
    subject = runtime().cell("density", "isolates-100", spread(MS), observed=observed)
    report = computed(tmp_path, subject.derive("chain", "fetch-hop", spread(41.0)))
    units = {each.quantity: each.unit for each in report.series}
    assert units == {"p50": "ns", "p99": "ns", "PSS MB per instance": "MB", "phase boot ms": "ms", "fetch-hop": "us"}
    assert the_series(report, "workerd", "", "fetch-hop").scenario == "chain"


@pytest.mark.parametrize(
    ("name", "unit", "quantity"),
    [
        ("p50", "ns", Quantity.TIME),
        ("throughput", "req/s", Quantity.RATE),
        ("PSS MB per instance", "MB", Quantity.AMOUNT),
        ("billed ms", "ms", Quantity.AMOUNT),
        ("cpu ms", "ms", Quantity.AMOUNT),
        ("wall ms", "ms", Quantity.TIME),
        ("rpc-hop", "us", Quantity.TIME),
    ],
)
def test_which_words_suit_a_figure(name: str, unit: str, quantity: Quantity) -> None:
    assert quantity_of(name, unit) is quantity
    if " " in name:
        assert observed_unit(name) == unit


def test_what_was_not_timed_is_said_and_is_no_figure(tmp_path: Path) -> None:
    """Saturated (the figures are the generator's), not timed, left out, excluded before: each with its reason, once."""
    timed = spread(MS)
    figures = runtime().cell("concurrency", "wait-10", timed).cells["concurrency"][0].figures
    subject = runtime().cell("concurrency", "wait-1", timed).cell("concurrency", "wait-50", not_timed="status 503")
    subject.cell("concurrency", "wait-10", saturated=True, saturation="3 % late", generator_figures=figures)
    subject.cell("concurrency", "wait-100")
    left_out = warnings.LeftOut(
        modes=("wait-1000", "compute-1000"), words="wait-1000, compute-1000 are not measured: no room"
    )
    subject.warn("concurrency", left_out)
    before = Excluded(subject="workerd", scenario="concurrency", what="wait-50", why="told before")
    report = computed(tmp_path, subject, excluded=(before,))
    assert {each.mode for each in report.series} == {"wait-1"}
    assert {each.what: each.why for each in report.excluded} == {
        "wait-50": "told before",
        "wait-10": "the load generator could not keep up, so its figures are its own: 3 % late",
        "wait-100": "no answer was right and of its kind",
        "wait-1000, compute-1000": "no room",
    }


@pytest.mark.parametrize(
    ("requirement", "scenario", "mode", "marked"),
    [
        ("ISO-1", "cold-start", "isolate", True),
        ("ISO-1", "cold-start", "runtime", False),
        ("ISO-6", "cold-start", "code-cache", True),
        ("ISO-6", "cold-start", "isolate", False),
        ("ISO-2", "warm", "open-500", True),
        ("ISO-3", "concurrency", "wait-10", True),
        ("ISO-3", "concurrency", "compute-10", False),
        ("SVC-1", "chain", "fetch-1", True),
        ("SVC-1", "chain", "http-1", False),
        ("SVC-2", "chain", "rpc-1", True),
        ("SVC-2", "chain", "fetch-1", False),
        ("ISO-2", "density", "isolates-100", True),
        ("CPU-2", "bill", "wait-0", False),
        ("MEM-1", "warm", "closed-1", False),
    ],
)
@pytest.mark.parametrize("status", [Status.FAIL, Status.CRASH, Status.UNSUPPORTED])
def test_a_broken_promise_behind_a_workload_marks_its_figures(
    tmp_path: Path, requirement: str, scenario: str, mode: str, marked: bool, status: Status
) -> None:
    """And only its: another scenario's promise, a kept one, or one that nobody claims marks nothing."""
    subject = runtime().cell(scenario, mode, spread(MS))
    subject.rows = (
        a_row("ISO-7"),
        a_row(requirement),
        a_row(requirement, status, test="conformance/test_b.py::test_b"),
    )
    found = the_series(computed(tmp_path, subject), "workerd", mode, "p50")
    broken = status is not Status.UNSUPPORTED
    words = f"a promise behind it is broken: {requirement}: What {requirement} promises"
    assert found.mark == (words if marked and broken else "")


def test_accounts_are_marked_and_the_clients_times_are_not(tmp_path: Path) -> None:
    """A runtime that counts waiting as CPU has a wrong bill; how long its answers took is seen from outside."""
    subject = runtime().cell(
        "bill", "wait-50", spread(MS), observed={"billed ms": spread(5.0), "wall ms": spread(55.0)}
    )
    subject.rows = (a_row("CPU-4", Status.FAIL),)
    report = computed(tmp_path, subject)
    marked = {each.quantity: bool(each.mark) for each in report.series}
    assert marked == {"p50": False, "p99": False, "billed ms": True, "wall ms": False}


def test_a_derived_figure_is_marked_by_its_own_way(tmp_path: Path) -> None:
    subject = runtime().derive("chain", "rpc-hop", spread(33.0)).derive("chain", "fetch-hop", spread(41.0))
    subject.rows = (a_row("SVC-2", Status.FAIL),)
    report = computed(tmp_path, subject)
    assert "SVC-2" in the_series(report, "workerd", "", "rpc-hop").mark
    assert the_series(report, "workerd", "", "fetch-hop").mark == ""


@pytest.mark.parametrize(
    ("errors", "censored", "marked"), [({"status 503": 20}, 0, False), ({"status 503": 15}, 6, True), ({}, 400, True)]
)
def test_too_many_wrong_answers_mark_a_figure(
    tmp_path: Path, errors: dict[str, int], censored: int, marked: bool
) -> None:
    """One in a hundred of 2,000 may be wrong or unanswered: beyond, percentiles are of those who were lucky."""
    subject = runtime().cell("chain", "fetch-8", spread(MS), errors=errors, censored=censored)
    report = computed(tmp_path, subject.derive("chain", "fetch-hop", spread(41.0)))
    assert bool(the_series(report, "workerd", "fetch-8", "p50").mark) is marked
    assert bool(the_series(report, "workerd", "", "fetch-hop").mark) is marked, "what is computed from it, too"


def test_subjects_have_their_verdicts_and_a_repeat_has_the_firsts(tmp_path: Path) -> None:
    unjudged = node()
    unjudged.rows = None
    report = computed(tmp_path, runtime(), repeat(), container(), unjudged)
    assert [(each.name, each.verdict, each.conformance) for each in report.subjects] == [
        ("workerd", Verdict.PARTIALLY_CONFORMANT, "conformance/workerd/conformance.json"),
        ("workerd again", Verdict.PARTIALLY_CONFORMANT, "conformance/workerd/conformance.json"),
        ("container", Verdict.PARTIALLY_CONFORMANT, "conformance/container/conformance.json"),
        ("node", None, ""),
    ]
    assert any("node: its promises were not judged" in each for each in report.warnings)


def test_a_runtime_that_is_compared_and_is_the_floor_too_has_one_verdict(tmp_path: Path) -> None:
    compared, floor = runtime("node"), Subject(name="node process", role=Role.FLOOR, rows=None, specification="node")
    report = computed(tmp_path, compared, floor)
    assert {each.name: each.conformance for each in report.subjects} == {
        "node": "conformance/node/conformance.json",
        "node process": "conformance/node/conformance.json",
    }


def test_two_builds_of_one_specification_have_a_verdict_each(tmp_path: Path) -> None:
    """Of a path only the last part is kept, so only what the runtimes are tells them apart."""
    old, again, new = (
        Subject(name=name, role=role, version=version, rows=rows, specification="workerd,binary=workerd")
        for name, role, version, rows in (
            ("workerd old", Role.RUNTIME, "1.0", ()),
            ("workerd old again", Role.REPEAT, "1.0", None),
            ("workerd new", Role.RUNTIME, "2.0", ()),
        )
    )
    again_is_old = computed(tmp_path / "one", old, again, new)
    assert [each.conformance for each in again_is_old.subjects] == [
        "conformance/workerd-old/conformance.json",
        "conformance/workerd-old/conformance.json",
        "conformance/workerd-new/conformance.json",
    ]


def test_a_repeat_is_marked_as_the_first_is(tmp_path: Path) -> None:
    first, again = runtime().cell("warm", "closed-1", spread(MS)), repeat().cell("warm", "closed-1", spread(MS))
    first.rows = (a_row("ISO-2", Status.FAIL),)
    report = computed(tmp_path, first, again)
    assert the_series(report, "workerd again", "closed-1", "p50").mark


def test_warnings_are_told_once_and_where(tmp_path: Path) -> None:
    """A busy machine is the run's; wrong answers are a cell's; what is an exclusion already is no warning too."""
    busy = warnings.BusyMachine(words="the machine was not idle", busy_share=0.5)
    wrong = warnings.WrongAnswers(words="closed-1 had errors", mode="closed-1", errors={"x": 1})
    saturated = warnings.GeneratorSaturated(words="closed-1: behind", mode="closed-1")
    one, other = (each.cell("warm", "closed-1", spread(MS, 9)) for each in (runtime(), node()))
    for each in (one, other):
        each.warn("warm", busy).warn("warm", saturated)
    report = computed(tmp_path, one.warn("warm", wrong), other)
    assert report.warnings.count("the machine was not idle") == 1
    assert "warm, workerd: closed-1 had errors" in report.warnings
    assert not any("behind" in each for each in report.warnings)
    assert "warm, node: one at a time: 9 of 10 launches gave a figure" in report.warnings


def test_a_percentile_of_few_answers_is_said(tmp_path: Path) -> None:
    subject = runtime().cell("cold-start", "isolate", spread(MS), count=600).cell("warm", "closed-1", spread(MS))
    report = computed(tmp_path, subject)
    (words,) = [each for each in report.warnings if "99th percentile" in each]
    assert words.startswith("cold-start: a launch has 60 answers at the least (workerd, an isolate)")


def test_what_the_command_knew_is_in_the_report(tmp_path: Path) -> None:
    about = {"baseline_missing": "no engine", "complete": False, "why_incomplete": "interrupted"}
    report = computed(tmp_path, runtime(), about=about, seed=99)
    assert (report.baseline_missing, report.complete, report.why_incomplete) == ("no engine", False, "interrupted")
    assert (report.run.command, report.run.seed, report.run.commit, report.run.dirty) == (
        "isomark compare", 99, "1" * 40, True,
    )  # fmt: skip
    assert report.order == ("round 1: so",)
    assert report.launches == 10


def test_the_same_files_give_the_same_report(tmp_path: Path) -> None:
    """Wherever the folder lies; and another seed gives another bootstrap and nothing else."""
    one, again, far, seeded = (
        computed(
            tmp_path / name,
            runtime().cell("warm", "closed-1", spread(MS)),
            node().cell("warm", "closed-1", spread(2 * MS, seed=2)),
            seed=seed,
        )
        for name, seed in (("a", 7), ("b", 7), ("deeper/c", 7), ("d", 8))
    )
    assert one == again == far
    assert one.pairs[0].bca_low != seeded.pairs[0].bca_low
    assert one.pairs[0].low == seeded.pairs[0].low


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "about.json").unlink(), "about.json cannot be read"),
        (lambda folder: (folder / "load/interleaved.json").unlink(), "interleaved.json cannot be read"),
        (lambda folder: (folder / "load/warm/workerd/load.json").unlink(), "load.json cannot be read"),
        (lambda folder: (folder / "load/warm/workerd/load.json").write_text("{"), "load.json is damaged"),
        (lambda folder: (folder / "conformance/workerd/conformance.json").write_text("{}"), "has schema None"),
        (
            lambda folder: _replace(folder / "load/interleaved.json", "warm/workerd/load.json", "../../secret.json"),
            "lies outside its folder",
        ),
        (
            lambda folder: _replace(folder / "load/interleaved.json", '"scenario": "warm"', '"scenario": "chain"'),
            "is of the scenario 'warm'",
        ),
        (
            lambda folder: _replace(folder / "load/interleaved.json", '"subject": "workerd"', '"subject": "other"'),
            "which is none of its subjects",
        ),
        (
            lambda folder: _replace(
                folder / "load/interleaved.json", '"name": "node",\n   "slug"', '"name": "workerd",\n   "slug"'
            ),
            "has two subjects 'workerd'",
        ),
    ],
)
def test_files_that_are_missing_damaged_or_at_odds_are_named(tmp_path: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    folder = write(tmp_path, runtime().cell("warm", "closed-1", spread(MS)), node())
    damage(folder)
    with pytest.raises(ReportFileError, match=said):
        compute(folder)


def test_one_figure_has_one_file(tmp_path: Path) -> None:
    folder = write(tmp_path, runtime().cell("warm", "closed-1", spread(MS)))
    path = folder / "load/interleaved.json"
    text = path.read_text()
    begun, end = text.index('"sources": ['), text.index("]", text.index('"sources": ['))
    source = text[begun + len('"sources": [') : end]
    path.write_text(text[:end] + "," + source + text[end:])
    with pytest.raises(ReportFileError, match="lists warm of 'workerd' twice"):
        compute(folder)


def test_about_of_another_version_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, runtime())
    write_report(folder / "about.json", an_about(schema="isomark/about/0"))
    with pytest.raises(ReportFileError, match="has schema 'isomark/about/0'"):
        compute(folder)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
