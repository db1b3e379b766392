"""What changed from one bundle to another: rows by their status, figures only when the launches show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import cli
from harness.comparison_results import ComparisonReport, Word
from harness.diff_results import DiffReport, Direction, Kind
from harness.errors import ReportFileError
from harness.results import ConformanceReport
from harness.rows import Row, Status
from reports.bundle_files import Bundle, read_bundle
from reports.run_diff import difference, page, text
from reports.run_diff.rows import row_changes
from tests import sample_bundle
from tests.test_reports_pages import Page
from tests.test_reports_samples import HOSTILE, a_row, sample_conformance

Make = Callable[..., Bundle]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A bundle of that name; what is measured is the sample's."""

    def bundle(name: str, **changes: Any) -> Bundle:
        folder = tmp_path_factory.mktemp("bundles") / name
        sample_bundle.write(folder, **({"runtimes": ("workerd",)} | changes))
        return read_bundle(folder)

    return bundle


@pytest.fixture(scope="module")
def plain(make: Make) -> Bundle:
    return make("2026-11-23", seed=1)


@pytest.fixture(scope="module")
def slower(make: Make) -> Bundle:
    """Everything but the floor takes half as long again."""
    return make("2026-11-24", seed=2, factor=1.5)


def rows_of(*rows: Row) -> dict[str, ConformanceReport]:
    return {"workerd": sample_conformance(rows=rows)}


def changed_report(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, comparison=msgspec.structs.replace(bundle.comparison, **changes))


# Rows


def test_rows_that_are_new_gone_or_otherwise() -> None:
    """By requirement and test; a row that is the same is counted only."""
    old = rows_of(a_row("ISO-1"), a_row("ISO-2"), a_row("ISO-3", Status.FAIL), a_row("ISO-4"))
    new = rows_of(a_row("ISO-1"), a_row("ISO-2", Status.CRASH), a_row("ISO-3"), a_row("ISO-5"))
    changes, same = row_changes(old, new)
    assert same == 1
    assert [(each.requirement, each.kind, each.was, each.now, each.direction) for each in changes] == [
        ("ISO-2", Kind.CHANGED, Status.PASS, Status.CRASH, Direction.WORSE),
        ("ISO-3", Kind.CHANGED, Status.FAIL, Status.PASS, Direction.BETTER),
        ("ISO-5", Kind.ADDED, None, Status.PASS, Direction.OTHER),
        ("ISO-4", Kind.REMOVED, Status.PASS, None, Direction.OTHER),
    ]
    assert changes[0].reason == "saw what makes a row crash"


@pytest.mark.parametrize(
    ("was", "now", "direction"),
    [
        (Status.PASS, Status.UNSUPPORTED, Direction.WORSE),
        (Status.UNSUPPORTED, Status.FAIL, Direction.WORSE),
        (Status.FAIL, Status.UNSUPPORTED, Direction.BETTER),
        (Status.FAIL, Status.CRASH, Direction.OTHER),
        (Status.PASS, Status.INCONCLUSIVE, Direction.OTHER),
        (Status.NOT_RUN, Status.FAIL, Direction.OTHER),
    ],
)
def test_better_and_worse(was: Status, now: Status, direction: Direction) -> None:
    """A promise broken is worse than one refused; what decides nothing is neither."""
    ((change,), _) = row_changes(rows_of(a_row("ISO-1", was)), rows_of(a_row("ISO-1", now)))
    assert change.direction is direction


def test_rows_of_a_subject_that_one_run_has_are_not_listed() -> None:
    assert row_changes(rows_of(a_row("ISO-1")), {"other": sample_conformance()}) == ((), 0)


# Figures


def test_a_run_and_itself_differ_in_nothing(plain: Bundle) -> None:
    found = difference(plain, plain)
    assert found.nothing
    assert found.figures_compared > 100
    assert found.rows_same == sum(len(each.rows) for each in plain.conformance.values())
    assert text.render(found).splitlines()[2] == "Nothing changed."


@pytest.mark.parametrize("with_noise", [True, False])
def test_two_like_nights_have_no_changed_figure(plain: Bundle, make: Make, with_noise: bool) -> None:
    """Another night of the same: all values differ, and none is shown to have changed.

    Also without the noise floor: of so many figures a dozen differ by chance alone, which is what Holm corrects for.
    """
    other = make("2026-11-25", seed=3)
    values, others = ([each.per_launch for each in night.comparison.series] for night in (plain, other))
    assert values != others
    if not with_noise:
        unknown = msgspec.structs.replace(plain.comparison.noise, factor=None)
        plain, other = (changed_report(each, noise=unknown) for each in (plain, other))
    assert difference(plain, other).figures == ()


def test_a_slower_night_is_slower(plain: Bundle, slower: Bundle) -> None:
    """The ratio is newer over older, and the word is of the newer."""
    found = {
        (each.subject, each.scenario, each.mode, each.quantity): each for each in difference(plain, slower).figures
    }
    cold = found["workerd", "cold-start", "isolate", "p50"]
    assert (cold.kind, cold.word) == (Kind.CHANGED, Word.SLOWER)
    assert cold.low is not None
    assert cold.ratio is not None
    assert cold.high is not None
    assert 1.4 < cold.low < cold.ratio < cold.high < 1.6
    assert cold.was is not None
    assert cold.now is not None
    assert cold.now.value == pytest.approx((cold.was.value or 0) * cold.ratio)
    rate = found["workerd", "concurrency", "wait-1", "throughput"]
    assert rate.word is Word.SLOWER
    assert rate.ratio is not None
    assert rate.ratio < 1
    assert not [key for key in found if key[0] == "node"]


def test_the_other_way_round_it_is_faster(plain: Bundle, slower: Bundle) -> None:
    found = {
        (each.subject, each.scenario, each.mode, each.quantity): each for each in difference(slower, plain).figures
    }
    cold = found["workerd", "cold-start", "isolate", "p50"]
    assert cold.word is Word.FASTER
    assert cold.ratio is not None
    assert cold.ratio < 1


def test_a_runtime_measured_twice_is_compared_once(plain: Bundle, slower: Bundle) -> None:
    assert "workerd again" in {each.subject for each in plain.comparison.series}
    assert "workerd again" not in {each.subject for each in difference(plain, slower).figures}


def test_within_the_noise_of_the_noisier_night_nothing_has_changed(plain: Bundle, slower: Bundle) -> None:
    """What two measurements of the same thing differ by on that machine is not held against a night."""
    noise = msgspec.structs.replace(slower.comparison.noise, factor=2.0)
    for was, now in ((plain, changed_report(slower, noise=noise)), (changed_report(slower, noise=noise), plain)):
        assert [each for each in difference(was, now).figures if each.kind is Kind.CHANGED] == []


def test_few_launches_show_nothing(plain: Bundle, make: Make) -> None:
    """Be the difference as large as it may; how many could not be judged is said."""
    few = make("2026-11-26", launches=3, factor=3.0)
    found = difference(plain, few)
    assert [each for each in found.figures if each.kind is Kind.CHANGED] == []
    assert found.figures_compared == 0
    assert found.figures_too_few > 100
    assert f"{found.figures_too_few} with too few launches to say" in text.render(found)


@pytest.mark.parametrize("marked", ["was", "now"])
def test_a_marked_figure_is_not_compared(plain: Bundle, slower: Bundle, marked: str) -> None:
    """A broken workload is not faster or slower; and a figure that is marked in one run alone has not come or gone."""

    def with_marks(one: Bundle) -> Bundle:
        series = one.comparison.series
        return changed_report(
            one, series=tuple(msgspec.structs.replace(each, mark="a promise is broken") for each in series)
        )

    unmarked = difference(plain, slower)
    found = difference(with_marks(plain), slower) if marked == "was" else difference(plain, with_marks(slower))
    assert unmarked.figures
    assert (found.figures, found.figures_compared, found.figures_too_few) == ((), 0, 0)


def test_between_seven_and_nine_launches_a_difference_has_too_few(plain: Bundle, make: Make) -> None:
    """It is not said that there is none; of what does not differ, that is said."""
    found = difference(plain, make("2026-11-28", launches=8, factor=3.0))
    assert [each for each in found.figures if each.kind is Kind.CHANGED] == []
    assert found.figures_too_few > 20
    assert found.figures_compared > 20
    whole = difference(plain, make("2026-11-29", factor=3.0))
    assert found.figures_too_few + found.figures_compared == whole.figures_too_few + whole.figures_compared


def test_figures_that_one_run_has(plain: Bundle) -> None:
    """Added or removed, with their value; the unit is part of what a figure is."""
    first, *rest = [each for each in plain.comparison.series if each.subject == "workerd"]
    rest = [*rest, *(each for each in plain.comparison.series if each.subject != "workerd")]
    other = changed_report(plain, series=(msgspec.structs.replace(first, unit="fortnight"), *rest))
    added, removed = difference(plain, other).figures
    assert (added.kind, added.unit, added.was) == (Kind.ADDED, "fortnight", None)
    assert (removed.kind, removed.unit, removed.now) == (Kind.REMOVED, first.unit, None)
    assert removed.was is not None
    assert removed.was.value == first.center


# Environment, versions, verdicts


def test_a_changed_machine_is_said(plain: Bundle) -> None:
    """And what is of a moment is not."""
    machine = plain.comparison.environment | {"cpu": "Another CPU", "load_average_1min": 9.9, "steal_ticks": 1}
    found = difference(plain, changed_report(plain, environment=machine))
    assert [(each.name, each.was, each.now) for each in found.environment] == [
        ("cpu", "Example CPU at 2.9 GHz", "Another CPU")
    ]
    assert found.circumstances == ("cpu",)
    assert "Not in the same circumstances (cpu)" in text.render(found)
    assert "Other circumstances." in page.render(found)


def test_a_changed_version_is_said(plain: Bundle) -> None:
    newer = tuple(
        msgspec.structs.replace(each, runtime=msgspec.structs.replace(each.runtime, version="2.0"))
        if each.name == "workerd"
        else each
        for each in plain.comparison.subjects
    )
    found = difference(plain, changed_report(plain, subjects=newer))
    assert [(each.name, each.was, each.now) for each in found.identity] == [
        ("workerd / version", "1.20261117.1", "2.0")
    ]
    assert found.circumstances == ()


def test_subjects_that_come_and_go(plain: Bundle, make: Make) -> None:
    without = make("2026-11-27", baseline=False)
    found = difference(plain, without)
    assert (found.subjects_added, found.subjects_removed) == ((), ("container",))
    assert difference(without, plain).subjects_added == ("container",)
    assert not [each for each in found.rows if each.subject == "container"]
    assert not [each for each in found.figures if each.subject == "container"]
    assert "container is gone" in page.sentence(found)


def test_changed_verdicts(plain: Bundle) -> None:
    kept = tuple(msgspec.structs.replace(row, status=Status.PASS) for row in plain.conformance["workerd"].rows)
    found = difference(
        plain, replace(plain, conformance=plain.conformance | {"workerd": sample_conformance(rows=kept)})
    )
    assert ("workerd", "overall", "non-conformant", "conformant") in {
        (each.subject, each.of, each.was, each.now) for each in found.verdicts
    }


# What is shown


@pytest.fixture
def hostile(plain: Bundle, slower: Bundle) -> DiffReport:
    rows = (
        a_row("ISO-1", Status.FAIL, reason=HOSTILE + "\x1b[31m\u202e", test=f"t.py::t[{HOSTILE}]", statement=HOSTILE),
    )
    old = replace(plain, conformance={"workerd": sample_conformance(rows=())})
    return difference(old, replace(slower, name=HOSTILE, conformance={"workerd": sample_conformance(rows=rows)}))


def test_hostile_text_stays_text(hostile: DiffReport) -> None:
    found = Page(page.render(hostile).partition("<script>")[0] + "</body></html>")
    assert not {tag for tag, _ in found.elements} & {"script", "img"}
    assert HOSTILE in "".join(found.text)
    shown = text.render(hostile)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_page_shows_every_change_once(plain: Bundle, slower: Bundle) -> None:
    report = difference(plain, slower)
    html = page.render(report)
    assert html == page.render(report)
    assert html.count('<td><span class="word') == len(report.figures) + len(report.rows)
    assert page.sentence(report) in html
    assert 'href="runs' not in html


def test_the_text_has_a_line_for_each_change(plain: Bundle, slower: Bundle) -> None:
    report = difference(plain, slower)
    lines = text.render(report).splitlines()
    assert len([line for line in lines if line.startswith("  ~ ")]) == len(report.figures)
    assert lines[0] == "was  2026-11-23  2026-11-24 02:30 UTC, quick, commit 7d78a41c0ffe"
    (cold,) = [line for line in lines if "workerd, cold-start, an isolate, median" in line]
    assert cold.endswith(", slower")
    assert "1.5" in cold


@pytest.fixture
def folders(plain: Bundle, slower: Bundle) -> list[str]:
    return [str(plain.folder), str(slower.folder)]


def test_the_command_prints_text(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "diff", *folders]) == 0
    assert "workerd, cold-start, an isolate, median" in capsys.readouterr().out


def test_the_command_prints_values_and_writes_a_page(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stdout is JSON and nothing else."""
    assert cli.main(["report", "diff", *folders, "--format=json", f"--html={tmp_path / 'd.html'}"]) == 0
    out, err = capsys.readouterr()
    assert msgspec.json.decode(out, type=DiffReport).was.name == "2026-11-23"
    assert json.loads(out)["schema"] == "isomark/diff/1"
    assert "d.html" in err
    assert (tmp_path / "d.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_bundle_is_named(
    folders: list[str], which: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders[which] = str(tmp_path / "nothing")
    assert cli.main(["report", "diff", *folders]) == ReportFileError.exit_code
    assert "nothing is not there" in capsys.readouterr().err


def test_a_path_that_leaves_the_bundle_is_refused(tmp_path: Path) -> None:
    report: ComparisonReport = sample_bundle.write(tmp_path, runtimes=("workerd",), launches=2)
    away = msgspec.structs.replace(report.subjects[0], conformance="../elsewhere/conformance.json")
    changed = msgspec.structs.replace(report, subjects=(away, *report.subjects[1:]))
    (tmp_path / "comparison.json").write_bytes(msgspec.json.encode(changed))
    with pytest.raises(ReportFileError, match="outside the bundle"):
        read_bundle(tmp_path)
