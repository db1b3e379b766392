"""`isomark nightly` from end to end, with stand-ins for what takes hours: stages, codes, what is published."""

import argparse
import json
import shutil
from importlib.metadata import entry_points

import pytest

from harness.errors import (
    RegressionFound,
    ToolchainError,
    UsageError,
)
from harness.night_results import GATE_FILE, NIGHT_FILE, GateReport, read_gate, read_night
from reports.compare import running as comparing
from reports.folder_lock import LOCK_FILE
from reports.nightly import adapters, running
from reports.nightly.asked import AskedNight, Stage, stages
from reports.nightly.command import NightlyCommand
from tests.compare_children import COMMIT, at_once, quick_page, stand_ins
from tests.nightly.expected import JUDGED, WHOLE, names
from tests.nightly.test_gate import gate_of


def test_a_whole_night(nightly, cues, published, tmp_path, capfd):
    """Every runtime that can run here, the faults, the soak, the gate; then it is published and on the site."""
    assert nightly() == 0
    assert cues.names() == WHOLE
    assert names(published) == [LOCK_FILE, "2026-11-25"]
    night = read_night(published / "2026-11-25" / NIGHT_FILE)
    assert [each.name for each in night.stages] == ["compare", "faults", "soak", "gate"]
    assert night.runtimes == ("reference", "workerd")
    assert [(each.name, each.why) for each in night.left_out] == [
        ("somewhere", "there is no somewhere on this machine")
    ]
    assert night.commit == COMMIT
    assert read_gate(published / "2026-11-25" / GATE_FILE).passed
    assert {"faults.json", "comparison.json", "plan.json"} <= set(names(published / "2026-11-25"))
    assert "2026-11-25" in (tmp_path / "site" / "index.html").read_text()
    out, err = capfd.readouterr()
    assert "left out: somewhere (there is no somewhere on this machine)" in out
    assert "The gate's words." in out
    assert out.splitlines()[-2:] == [
        f"Published: {published / '2026-11-25'}",
        f"Site: {tmp_path / 'site' / 'index.html'}",
    ]
    assert "isomark nightly: 1 of 4: the comparison, 4 of 5: the load, all runtimes in turn" in err
    assert "isomark nightly: 3 of 4: the soak" in err
    assert "isomark nightly: not on the site: 2026-11-01 (it was changed)" in err


def test_the_manifest_is_of_everything(nightly, published):
    """What came after the comparison is in the night when the last of it is computed."""
    nightly()
    made = (published / "2026-11-25" / "manifest.sha256").read_text()
    for name in ("faults.json", GATE_FILE, NIGHT_FILE, "plan.json"):
        assert name in made


def test_the_second_night_of_a_day_has_a_number(nightly, published):
    """And nothing is ever deleted."""
    for _ in range(3):
        assert nightly() == 0
    assert names(published) == [LOCK_FILE, "2026-11-25", "2026-11-25-2", "2026-11-25-3"]


def test_parts_of_a_night(nightly, cues, published):
    """The comparison and its gate are in each."""
    assert nightly("--only=compare") == 0
    assert cues.names() == sorted([*JUDGED, "load"])
    assert read_night(published / "2026-11-25" / NIGHT_FILE).chosen == ("compare", "gate")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("compare", (Stage.COMPARE, Stage.GATE)),
        ("soak, compare", (Stage.COMPARE, Stage.SOAK, Stage.GATE)),
        ("compare,faults,soak", tuple(Stage)),
    ],
)
def test_which_parts(text, found):
    """In their own order, whatever the words'."""
    assert stages(text) == found


@pytest.mark.parametrize(
    ("text", "words"), [("faults", "leaves out the comparison"), ("compare,fault", "did you mean")]
)
def test_parts_that_there_are_none_of(text, words):
    """With the nearest word."""
    with pytest.raises(UsageError, match=words):
        stages(text)


@pytest.mark.parametrize("threshold", [1.0, 0.9, float("inf"), float("nan")])
def test_a_threshold_is_above_one(tmp_path, threshold):
    """Below it, every night would fail."""
    with pytest.raises(UsageError, match="no threshold"):
        AskedNight(published=tmp_path, site=tmp_path, threshold=threshold)


def test_runtimes_by_name(nightly, cues, published):
    """Then nothing is left out, and one that cannot run is an error."""
    assert nightly("--runtimes=workerd,reference") == 0
    assert read_night(published / "2026-11-25" / NIGHT_FILE).runtimes == ("workerd", "reference")
    cues.clear()
    with pytest.raises(ToolchainError, match="no somewhere"):
        nightly("--runtimes=somewhere")
    assert cues.names() == []


def test_no_runtime_at_all(nightly, published, monkeypatch):
    """Each with its reason."""
    monkeypatch.setattr(adapters, "known_adapters", lambda: ("container", "node", "nowhere", "somewhere"))
    with pytest.raises(ToolchainError, match=r"nowhere: there is no nowhere(.|\n)*somewhere: there is no somewhere"):
        nightly()
    assert names(published) == [LOCK_FILE]


def test_a_regression_fails_and_is_published(nightly, published, monkeypatch, capfd):
    """With a code of its own, and the figures by name."""
    monkeypatch.setattr(running, "against_the_nights_before", lambda *_, **__: gate_of("passed", "failed"))
    assert nightly() == RegressionFound.exit_code == 31
    assert not read_gate(published / "2026-11-25" / GATE_FILE).passed
    out, err = capfd.readouterr()
    assert "a|b: number 1" in err
    assert "worse by more than a factor of 1.1" in err
    assert "NOT WELL" in out
    assert out.splitlines()[-2] == f"Published: {published / '2026-11-25'}"


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"conformance.workerd": 1}, 1),
        ({"faults": 1}, 1),
        ({"soak": 5}, 5),
        ({"faults": 1, "conformance.workerd": 3}, 3),
    ],
)
def test_what_is_not_as_it_should_be_is_published_with_its_code(nightly, cues, published, ends, code):
    """That of the first stage."""
    for name, each in ends.items():
        cues.end_with(name, each)
    assert nightly() == code
    assert names(published) == [LOCK_FILE, "2026-11-25"]


def test_a_comparison_that_is_not_whole_is_not_published(nightly, cues, published, capfd):
    """What there is of it is kept, and the next night begins with what is missing."""
    cues.end_with("load", 25)
    cues.leave_nothing("load")
    assert nightly() == 25
    assert names(published) == [".2026-11-25.unfinished", LOCK_FILE]
    assert "not published" in capfd.readouterr().err
    cues.clear()
    assert nightly() == 0
    assert cues.names() == ["faults", "load", "soak"]
    assert names(published) == [LOCK_FILE, "2026-11-25"]


def test_with_everything_real_but_the_children(nightly, cues, published, monkeypatch, sample, tmp_path):
    """Two nights: computed, gated, verified, and shown on the site; the gate cannot tell yet and says so."""
    monkeypatch.undo()
    for place, name, value in [
        *stand_ins(cues),
        *quick_page(cues),
        (comparing, "run_logged", at_once),
        (running, "run_logged", at_once),
    ]:
        monkeypatch.setattr(place, name, value)
    from reports.verification import verify

    asked = AskedNight(published=published, site=tmp_path / "site", profile="quick")
    outcomes = [running.run(asked, Silent()) for _ in range(2)]
    assert [each.exit_code for each in outcomes] == [0, 0]
    for outcome in outcomes:
        assert verify(outcome.place) == []
        assert "Against the nights before" in (outcome.place / "summary.md").read_text()
    gate = read_gate(outcomes[1].place / GATE_FILE)
    assert gate.against == (outcomes[0].night.name,) or gate.left_out[0].why == "it began later"
    assert {each.outcome for each in gate.findings} == {"too few launches"}
    assert (tmp_path / "site" / "index.html").exists()


class Silent:
    def stage(self, _words, *, number, of):
        assert 1 <= number <= of

    def at(self, done, total):
        assert total is None or done <= total

    def say(self, _words):
        pass


def test_the_soak_does_more_than_for_every_change(monkeypatch):
    """What it passes to its child is what the tests read."""
    from reports.nightly import commands

    source = (running.CHECKOUT / "tests" / "test_reference_hostile.py").read_text()
    for name in commands.SOAK_ENVIRONMENT:
        assert f'os.environ.get("{name}"' in source
    assert "def test_kills_leave_nothing_behind" in source
    assert "def test_many_isolates_at_once" in source
    assert commands.soak()[-1] == "kills or at_once"


@pytest.mark.parametrize(("profile", "minutes"), [("quick", 12), ("full", 120)])
def test_the_faults_are_asked_for_with_words_their_command_takes(tmp_path, profile, minutes):
    """The real parser reads the real command."""
    from harness.fault_matrix.command import FaultsCommand
    from reports.nightly import commands

    parser = argparse.ArgumentParser()
    FaultsCommand().configure(parser)
    program, word, *words = commands.faults(tmp_path, profile)
    found = parser.parse_args(words)
    assert (found.workers, found.minutes, found.report) == (2, minutes, tmp_path)
    assert word == "faults"
    assert shutil.which(program)


def test_it_is_found_by_name():
    """Like every command."""
    (found,) = entry_points(group="isomark.commands", name="nightly")
    assert found.load() is NightlyCommand


def test_a_gate_file_survives_the_way_to_disk_and_back(tmp_path):
    """With the schema that its readers ask for."""
    gate = gate_of("failed")
    running.write_report(tmp_path / GATE_FILE, gate)
    assert json.loads((tmp_path / GATE_FILE).read_text())["schema"] == "isomark/gate/1"
    assert isinstance(read_gate(tmp_path / GATE_FILE), GateReport)
