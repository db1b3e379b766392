"""A night that was cut short is kept and gone on with, by itself alone, and keeps no other from being made."""

import json
import signal
from datetime import date

import msgspec
import pytest

from harness.errors import (
    AlreadyRunning,
    ReportFileError,
    ToolchainError,
)
from harness.night_results import NIGHT_FILE, read_night
from reports import site
from reports.compare import subjects
from reports.folder_lock import LOCK_FILE, only_one
from reports.nightly import adapters, running
from reports.nightly import folder as folders
from tests.child_run import Child
from tests.compare_children import COMMIT, whole_process
from tests.nightly.expected import TODAY, WHOLE, names
from tests.nightly.test_gate import gate_of


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
