"""`isomark nightly` from end to end, with stand-ins for what takes hours: stages, codes, what is kept, and going on."""

import argparse
import json
import shutil
import signal
from datetime import date
from importlib.metadata import entry_points

import msgspec
import pytest

from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_results import read_comparison
from harness.errors import (
    AlreadyRunning,
    RegressionFound,
    ReportFileError,
    ToolchainError,
    UsageError,
)
from harness.night_results import GATE_FILE, NIGHT_FILE, GateReport, read_gate, read_night
from reports import bundle, site
from reports.compare import running as comparing
from reports.compare import subjects
from reports.folder_lock import LOCK_FILE, only_one
from reports.nightly import adapters, running
from reports.nightly import folder as folders
from reports.nightly.asked import AskedNight, Stage, stages
from reports.nightly.command import NightlyCommand
from tests import sample_bundle
from tests.child_run import Child
from tests.compare_children import COMMIT, Cues, at_once, quick_page, stand_ins, whole_process
from tests.test_nightly_gate import gate_of

TODAY = date(2026, 11, 25)
JUDGED = ["conformance.node", "conformance.reference", "conformance.workerd"]
WHOLE = sorted([*JUDGED, "faults", "load", "soak"])


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    sample_bundle.write(folder, baseline=False, faults=True, launches=2)
    return folder


@pytest.fixture
def cues(tmp_path, sample):
    return Cues(tmp_path / "cues", sample)


@pytest.fixture
def published(tmp_path):
    return tmp_path / "published"


@pytest.fixture
def nightly(cues, published, monkeypatch, sample, tmp_path):
    """The command in this process, with all that is computed left to what stands in for it; the exit code."""

    def build(folder):
        whole = read_about(folder / ABOUT_FILE).complete
        report = msgspec.structs.replace(read_comparison(sample / "comparison.json"), complete=whole)
        for name in ("comparison.json", "summary.md", "manifest.sha256"):
            (folder / name).write_text(f"made of {sorted(path.name for path in folder.iterdir())}")
        return report

    def build_site(source, out):
        out.mkdir(exist_ok=True)
        (out / "index.html").write_text(", ".join(sorted(path.name for path in source.iterdir())))
        return (site.LeftOut(name="2026-11-01", why="it was changed"),)

    for place, name, value in [
        *stand_ins(cues),
        (comparing, "run_logged", at_once),
        (running, "run_logged", at_once),
        (bundle, "build", build),
        (site, "build", build_site),
        (running, "against_the_nights_before", lambda *_, **__: gate_of("passed", "too few nights")),
        (folders, "today_utc", lambda: TODAY),
    ]:
        monkeypatch.setattr(place, name, value)
    parser = argparse.ArgumentParser()
    NightlyCommand().configure(parser)
    words = [f"--published={published}", f"--site={tmp_path / 'site'}", "--profile=quick"]
    return lambda *more: NightlyCommand().run(parser.parse_args([*words, *more]))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


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


def test_a_full_disk_ends_it_and_it_goes_on_later(nightly, cues, published):
    """The stage that found it full is done again, those before it are not."""
    cues.end_with("faults", ReportFileError.exit_code)
    with pytest.raises(ReportFileError, match=r"it goes on with what is finished(.|\n)*last words of faults"):
        nightly()
    assert names(published) == [".2026-11-25.unfinished", LOCK_FILE]
    cues.clear()
    assert nightly() == 0
    assert cues.names() == ["faults", "soak"]


@pytest.mark.parametrize("day", [date(2026, 11, 25), date(2026, 11, 26)])
def test_a_night_of_today_or_yesterday_goes_on(nightly, cues, published, monkeypatch, day):
    """Under the name it was begun with."""
    cues.end_with("soak", ReportFileError.exit_code)
    with pytest.raises(ReportFileError):
        nightly()
    cues.clear()
    monkeypatch.setattr(folders, "today_utc", lambda: day)
    assert nightly() == 0
    assert (cues.names(), names(published)) == (["soak"], [LOCK_FILE, "2026-11-25"])


@pytest.mark.parametrize(
    ("day", "commit", "words"),
    [
        (date(2026, 11, 27), COMMIT, ()),
        (TODAY, "f" * 40, ()),
        (TODAY, COMMIT, ("--threshold=1.2",)),
        (TODAY, COMMIT, ("--only=compare,soak",)),
        (TODAY, COMMIT, ("--launches=3",)),
        (TODAY, COMMIT, ("--baseline=none",)),
        (TODAY, COMMIT, ("--runtimes=workerd",)),
    ],
)
def test_another_night_does_not_go_on_with_it(nightly, cues, published, monkeypatch, day, commit, words):
    """Older, of another commit or with other arguments: it is begun anew, and the unfinished one stays as it is."""
    cues.end_with("soak", ReportFileError.exit_code)
    with pytest.raises(ReportFileError):
        nightly()
    cues.clear()
    begun = read_night(published / ".2026-11-25.unfinished" / NIGHT_FILE)
    folders.write_night(published, msgspec.structs.replace(begun, commit=commit))
    left = {path: path.read_bytes() for path in published.rglob("*.json")}
    monkeypatch.setattr(folders, "today_utc", lambda: day)
    nightly(*words)
    assert "load" in cues.names()
    assert ".2026-11-25.unfinished" in names(published)
    assert {path: path.read_bytes() for path in left} == left
    assert {"2026-11-25-2", "2026-11-27"} & set(names(published))


def in_json(change):
    """A change of the one JSON value that a file, or its first line, holds."""

    def to(path):
        first, *rest = path.read_text().split("\n") if path.suffix == ".jsonl" else [path.read_text()]
        found = json.loads(first)
        change(found)
        path.write_text("\n".join([json.dumps(found), *rest]))

    return to


OTHERS = {
    "another version": ("plan.json", in_json(lambda plan: plan["subjects"][1]["runtime"].update(version="0.0.1"))),
    "another build": ("plan.json", in_json(lambda plan: plan["subjects"][0]["runtime"].update(identity={"a": "b"}))),
    "a runtime that is gone": (
        "plan.json",
        in_json(lambda plan: plan["subjects"].append(plan["subjects"][1] | {"specification": "somewhere"})),
    ),
    "an edited checkout": ("plan.json", in_json(lambda plan: plan.update(dirty=True))),
    "a damaged plan": ("plan.json", lambda path: path.write_text("{")),
    "another kernel": ("load/journal.jsonl", in_json(lambda head: head["environment"].update(kernel="1.0"))),
    "another processor": ("load/journal.jsonl", in_json(lambda head: head["environment"].update(cpu="abacus"))),
    "a damaged journal": ("load/journal.jsonl", lambda path: path.write_text(path.read_text() + "{\n")),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_night_that_cannot_go_on_does_not_keep_others_from_being_made(nightly, cues, published, other):
    """Its figures would mix with those of something else: it stays as it is, and another is begun beside it."""
    cues.end_with("load", 25)
    cues.leave_nothing("load")
    assert nightly() == 25
    cues.clear()
    name, change = OTHERS[other]
    unfinished = published / ".2026-11-25.unfinished"
    change(unfinished / name)
    left = {path: path.read_bytes() for path in unfinished.rglob("*") if path.is_file()}
    assert nightly() == 0
    assert names(published) == [unfinished.name, LOCK_FILE, "2026-11-25-2"]
    assert cues.names() == WHOLE
    assert {path: path.read_bytes() for path in unfinished.rglob("*") if path.is_file()} == left


def test_a_runtime_that_was_asked_for_by_name_and_is_gone_is_an_error(nightly, cues, published, monkeypatch):
    """The night waits for it; when it is there again, it goes on."""
    cues.end_with("load", 25)
    cues.leave_nothing("load")
    assert nightly("--runtimes=workerd") == 25
    cues.clear()
    with monkeypatch.context() as patch:
        for place in (adapters, subjects):
            patch.setattr(place, "identified", lambda name: cues.identified(name if name == "node" else "nowhere"))
        with pytest.raises(ToolchainError, match="no nowhere"):
            nightly("--runtimes=workerd")
    assert names(published) == [".2026-11-25.unfinished", LOCK_FILE]
    assert nightly("--runtimes=workerd") == 0
    assert (cues.names(), names(published)) == (["faults", "load", "soak"], [LOCK_FILE, "2026-11-25"])


def test_a_folder_that_is_nobodys_is_left_alone(nightly, published):
    """Killed before its first file was whole, or somebody else's."""
    (published / ".2026-11-25.unfinished").mkdir(parents=True)
    (published / ".2026-11-24.unfinished").mkdir()
    (published / ".2026-11-24.unfinished" / NIGHT_FILE).write_text('{"schema": "somebody/else"}')
    assert nightly() == 0
    assert names(published) == [".2026-11-24.unfinished", ".2026-11-25.unfinished", LOCK_FILE, "2026-11-25-2"]


def test_two_nights_at_once(nightly, cues, published):
    """The second ends at once, with its own code and the name of the first."""
    with only_one(published, "a nightly run"), pytest.raises(AlreadyRunning, match="process") as refused:
        nightly()
    assert refused.value.exit_code == 32
    assert cues.names() == []
    assert nightly() == 0


def test_the_real_lock_is_between_processes(nightly, cues, published, tmp_path):
    """And is gone with a holder that was killed."""
    cues.hold("conformance.reference")
    words = ["nightly", f"--published={published}", f"--site={tmp_path / 's'}", "--profile=quick"]
    with Child(tmp_path / "first", whole_process(cues, *words), {}) as first:
        first.wait_until(lambda: cues.began("conformance.reference"), "the first night")
        with pytest.raises(AlreadyRunning, match=f"process {first.process.pid}, since"):
            nightly()
        first.process.kill()
        first.ended()
        first.wait_until(lambda: not first.leftovers(), "everything to be gone")
    cues.clear()
    assert nightly() == 0


@pytest.mark.parametrize(
    ("name", "ending", "done_again"),
    [
        ("load", signal.SIGINT, ["faults", "load", "soak"]),
        ("faults", signal.SIGTERM, ["faults", "soak"]),
        ("soak", signal.SIGKILL, ["soak"]),
    ],
)
def test_interrupted_or_killed_and_gone_on_with(
    nightly, cues, published, tmp_path, monkeypatch, name, ending, done_again
):
    """Nothing is published half, nothing is left running, nothing that was finished is done again."""
    cues.hold(name)
    words = ["nightly", f"--published={published}", f"--site={tmp_path / 's'}", "--profile=quick"]
    with Child(tmp_path / "first", whole_process(cues, *words), {}) as first:
        first.wait_until(lambda: cues.began(name), name)
        first.process.send_signal(ending)
        code = first.ended()
        first.wait_until(lambda: not first.leftovers(), "everything to be gone")
    assert code == (130 if ending is not signal.SIGKILL else -signal.SIGKILL), first.output()
    if ending is not signal.SIGKILL:
        assert "the same command goes on with this night" in first.output()
    (unfinished,) = [each for each in names(published) if each != LOCK_FILE]
    assert unfinished.endswith(".unfinished")
    began = folders.read_night(published / unfinished / NIGHT_FILE).name
    monkeypatch.setattr(folders, "today_utc", lambda: date.fromisoformat(began))
    cues.clear()
    assert nightly() == 0
    assert (cues.names(), names(published)) == (done_again, [LOCK_FILE, began])


def test_interrupted_while_the_site_is_built(nightly, published, monkeypatch, capfd):
    """The night is published by then."""

    def interrupted(_published, _out):
        raise KeyboardInterrupt

    monkeypatch.setattr(site, "build", interrupted)
    assert nightly() == 130
    assert names(published) == [LOCK_FILE, "2026-11-25"]
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == f"Published: {published / '2026-11-25'}"
    assert "interrupted during the site" in err
    assert f"build the site with `isomark report build --published={published} --out=" in err
    assert "goes on with this night" not in err


def test_a_night_that_can_not_be_put_into_its_place(nightly, published, monkeypatch):
    """Somebody made a folder of that name meanwhile: nothing is written over, nothing is lost."""

    def gate(*_, **__):
        (published / "2026-11-25").mkdir()
        return gate_of("passed")

    monkeypatch.setattr(running, "against_the_nights_before", gate)
    with pytest.raises(ReportFileError, match="there already"):
        nightly()
    assert names(published / "2026-11-25") == []
    assert NIGHT_FILE in names(published / ".2026-11-25.unfinished")


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
