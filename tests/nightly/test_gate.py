"""The gate of a night: which nights it is held against, what it finds, and where that is said."""

import json
import shutil

import pytest

from harness.errors import ReportFileError
from harness.night_results import GATE_FILE, GateFinding, GateReport, nights, read_gate
from harness.results import write_report
from reports import exports, verification
from reports.exports import gate_section
from reports.nightly.gate import against_the_nights_before
from tests import sample_bundle

NIGHTS = 5


@pytest.fixture(scope="session")
def sample_nights(tmp_path_factory):
    """Published nights a day apart, and one more, not yet published, that is much slower."""
    place = tmp_path_factory.mktemp("nights")
    for day in range(1, NIGHTS + 1):
        folder = place / "published" / f"2026-11-{day:02}"
        sample_bundle.write(folder, baseline=False, seed=day, date=folder.name, runtimes=("workerd",))
        verification.write_manifest(folder)
    sample_bundle.write(place / "slow", baseline=False, date="2026-11-20", runtimes=("workerd",), factor=3.0)
    sample_bundle.write(place / "like", baseline=False, date="2026-11-20", runtimes=("workerd",), seed=99)
    return place


@pytest.fixture
def published(sample_nights, tmp_path):
    shutil.copytree(sample_nights / "published", tmp_path / "published")
    return tmp_path / "published"


def change(path, **fields):
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, **fields}))


def test_a_night_like_the_others_passes(published, sample_nights):
    """Held against each of them."""
    found = against_the_nights_before(published, sample_nights / "like", threshold=1.5)
    assert found.passed
    assert found.against == tuple(f"2026-11-{day:02}" for day in range(1, NIGHTS + 1))
    assert found.left_out == ()
    assert {each.outcome for each in found.findings} == {"passed"}
    assert all(each.nights == NIGHTS for each in found.findings)


def test_a_night_three_times_as_slow_fails(published, sample_nights):
    """Each figure with its factor and interval, and the whole in a sentence."""
    found = against_the_nights_before(published, sample_nights / "slow", threshold=1.1)
    assert not found.passed
    worst = {each.mode: each for each in found.failed()}["isolate"]
    assert worst.low > 1.1
    assert worst.ratio == pytest.approx(3.0, rel=0.3)
    assert "worse by more than 1.1" in worst.words
    assert "worse by more than a factor of 1.1" in found.words


def test_too_few_nights_say_nothing(published, sample_nights):
    """Neither good nor bad, and so no failure."""
    for day in range(3, NIGHTS + 1):
        shutil.rmtree(published / f"2026-11-{day:02}")
    found = against_the_nights_before(published, sample_nights / "slow", threshold=1.1)
    assert found.passed
    assert {each.outcome for each in found.findings} == {"too few nights"}


def test_no_nights_at_all(tmp_path, sample_nights):
    """The first night has nothing to be held against."""
    found = against_the_nights_before(tmp_path / "nothing", sample_nights / "slow", threshold=1.1)
    assert (found.passed, found.against) == (True, ())


def test_nights_that_do_not_count_are_named(published, sample_nights):
    """Of another machine, cut short, damaged, begun later: each with its reason."""
    first, second, third, fourth, *_ = nights(published)
    comparison = json.loads((first / "comparison.json").read_text())
    change(first / "comparison.json", environment={**comparison["environment"], "cpu": "another"})
    change(second / "comparison.json", complete=False, why_incomplete="interrupted in round 3")
    change(third / "comparison.json", run={**comparison["run"], "started": "2027-01-01T00:00:00Z"})
    for each in (first, second, third):
        verification.write_manifest(each)
    change(fourth / "comparison.json", launches=11)
    found = against_the_nights_before(published, sample_nights / "like", threshold=1.1)
    assert [each.name for each in found.left_out] == [path.name for path in (first, second, third, fourth)]
    reasons = [each.why for each in found.left_out]
    assert reasons[0] == "made under other circumstances: cpu"
    assert reasons[1] == "it is incomplete: interrupted in round 3"
    assert reasons[2] == "it began later"
    assert reasons[3].startswith("it is not as it was published: comparison.json")
    assert len(found.against) == NIGHTS - 4


def test_a_night_without_a_comparison_is_an_error(published, tmp_path):
    """There is nothing to gate."""
    with pytest.raises(ReportFileError):
        against_the_nights_before(published, tmp_path, threshold=1.1)


def test_nights_are_in_the_order_of_their_days(tmp_path):
    """The second of a day after the first, the tenth after the ninth; nothing hidden, no files, no other names."""
    for name in ("2026-02-10", "2026-02-09-10", "2026-02-09-9", "2026-02-09", ".2026-02-11.unfinished", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "2026-02-12").write_text("a file")
    assert [path.name for path in nights(tmp_path)] == ["2026-02-09", "2026-02-09-9", "2026-02-09-10", "2026-02-10"]
    assert nights(tmp_path / "nothing") == ()


def gate_of(*outcomes):
    findings = tuple(
        GateFinding(
            subject="a|b",
            scenario="warm",
            mode="closed-1",
            quantity="p50",
            unit="ns",
            outcome=outcome,
            nights=5,
            launches=10,
            words=f"a|b: number {number}",
        )
        for number, outcome in enumerate(outcomes)
    )
    failed = "failed" in outcomes
    return GateReport(passed=not failed, words="The gate's words.", threshold=1.1, against=(), findings=findings)


def test_the_summary_of_a_night_says_what_the_gate_found(sample_nights, tmp_path):
    """In a section of its own, escaped, and only so many; a bundle that is no night has none."""
    folder = tmp_path / "bundle"
    shutil.copytree(sample_nights / "like", folder)
    report = sample_bundle.read_comparison(folder / "comparison.json")
    before = exports.rendered(folder, report)["summary.md"]
    assert "Against the nights before" not in before
    gate = gate_of("failed", "passed", *["failed"] * 14)
    write_report(folder / GATE_FILE, gate)
    assert read_gate(folder / GATE_FILE) == gate
    after = exports.rendered(folder, report)["summary.md"]
    assert after.startswith(before)
    section = after.removeprefix(before)
    assert "The gate's words." in section
    assert section.count("\n- ") == gate_section.MOST_NAMED + 1
    assert "- and 5 more in gate.json" in section
    assert "a&#124;b: number 0" in section
    assert "number 1\n" not in section


def test_a_gate_that_failed_nothing_lists_nothing():
    """Only its sentence."""
    assert gate_section.rendered(gate_of("passed", "too few nights")).count("\n- ") == 0
