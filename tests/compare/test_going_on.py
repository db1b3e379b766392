"""`isomark compare` goes on with what is there, and only with what is of the same run."""

import argparse
import json

import msgspec
import pytest

from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.errors import AlreadyRunning, ToolchainError, UsageError
from reports.bundle_commands import RebuildCommand
from reports.compare import running, subjects
from reports.compare.command import CompareCommand
from tests.compare.expected import JUDGED, contents


def test_killed_between_a_result_and_the_word_that_it_is_there(briefly, cues, folder):
    """The load knows itself that nothing is left to do; whole promises are not judged again."""
    briefly()
    plan = read_plan(folder / PLAN_FILE)
    running.folders.write_plan(folder, msgspec.structs.replace(plan, stages=(), finished=False))
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.began("load") == [["load", "--seed=5", "--resume"]]
    assert cues.names() == ["load"]


def test_going_on_with_a_finished_comparison_changes_no_byte(compare, cues, folder):
    """Nothing is run again, and what is computed is what it was."""
    compare()
    before = contents(folder)
    cues.clear()
    assert compare("--resume") == 0
    assert cues.names() == []
    assert contents(folder) == before


def test_without_resume_it_begins_anew(briefly, cues, folder):
    """Nothing of the earlier one is left."""
    briefly()
    (folder / "conformance" / "earlier").mkdir()
    cues.clear()
    assert briefly() == 0
    assert cues.names() == sorted([*JUDGED, "load"])
    assert not (folder / "conformance" / "earlier").exists()


@pytest.mark.parametrize(("field_of_run", "other"), [("commit", "f" * 40), ("dirty", True)])
def test_promises_of_another_commit_or_runtime_are_judged_again(briefly, cues, folder, field_of_run, other):
    """A conformance.json counts only if it is whole and of the same runtime and suite, edited or not."""
    briefly()
    for name, field, value in (
        ("reference", "version", "0.0.1"),
        ("workerd", field_of_run, other),
        ("node", "complete", False),
    ):
        path = folder / "conformance" / name / "conformance.json"
        found = json.loads(path.read_text())
        place = found["runtime"] if field == "version" else found["run"] if field == field_of_run else found
        place[field] = value
        path.write_text(json.dumps(found))
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.names() == sorted(JUDGED)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_result_is_never_read_as_whole(briefly, cues, folder, text):
    """It is made again."""
    briefly()
    (folder / "conformance" / "workerd" / "conformance.json").write_text(text)
    (folder / "load" / "interleaved.json").write_text(text)
    cues.clear()
    assert briefly("--resume") == 0
    assert cues.names() == ["conformance.workerd", "load"]
    assert cues.began("load") == [["load", "--seed=5", "--resume"]]


def test_other_arguments_do_not_go_on(briefly, folder):
    """And leave what there is as it is."""
    briefly()
    before = contents(folder)
    with pytest.raises(UsageError, match="--profile=quick then, full now"):
        briefly("--resume", "--profile=full")
    assert contents(folder) == before


def test_a_container_that_was_there_and_is_gone(briefly, cues, folder, monkeypatch):
    """The comparison does not go on without it: its error ends it. One that comes meanwhile changes nothing."""
    with monkeypatch.context() as patch:
        there = msgspec.structs.replace(cues.identified("node"), name="container")
        patch.setattr(subjects, "identified", lambda name: there if name == "container" else cues.identified(name))
        cues.leave_nothing("conformance.container")
        briefly()
        assert "container" in {each.name for each in read_plan(folder / PLAN_FILE).subjects}
    with pytest.raises(ToolchainError, match="there is no container"):
        briefly("--resume")
    assert briefly() == 0
    with monkeypatch.context() as patch:
        patch.setattr(subjects, "identified", lambda name: there if name == "container" else cues.identified(name))
        assert briefly("--resume") == 0
    assert "container" not in {each.name for each in read_plan(folder / PLAN_FILE).subjects}


def test_a_runtime_that_is_another_one_by_now(briefly, cues, monkeypatch):
    """Its figures would be mixed with those of the one before."""
    briefly()

    def newer(name):
        found = cues.identified(name)
        return msgspec.structs.replace(found, version="99") if name == "workerd" else found

    monkeypatch.setattr(subjects, "identified", newer)
    with pytest.raises(UsageError, match=r"workerd is not what it was(.|\n)*99 now"):
        briefly("--resume")


def test_one_comparison_in_a_folder(briefly, folder, cues):
    """A second one in the same folder ends at once."""
    with running.only_one(folder, "a comparison", named=False), pytest.raises(AlreadyRunning) as refused:
        briefly()
    assert refused.value.exit_code == 32
    assert cues.names() == []


@pytest.mark.parametrize("what", ["resume", "rebuild"])
def test_nothing_is_touched_before_the_folder_is_free(briefly, folder, cues, what):
    """Neither what another process is writing there nor what it has written."""
    assert briefly() == 0
    (folder / "load" / ".load.json.x1.partial").write_text("being written")
    before = contents(folder)
    cues.clear()
    rebuilding = argparse.Namespace(bundle=folder)
    run = {"resume": lambda: briefly("--resume"), "rebuild": lambda: RebuildCommand().run(rebuilding)}[what]
    with running.only_one(folder, "a comparison", named=False), pytest.raises(AlreadyRunning):
        run()
    assert contents(folder) == before
    assert cues.names() == []


def test_a_seed_is_drawn_and_kept(briefly, cues, folder):
    """The load gets the one that stands in the plan."""
    parser = argparse.ArgumentParser()
    CompareCommand().configure(parser)
    CompareCommand().run(parser.parse_args([f"--report={folder}"]))
    seed = read_plan(folder / PLAN_FILE).seed
    assert cues.began("load") == [["load", f"--seed={seed}"]]
    assert f"--seed={seed}" in read_about(folder / ABOUT_FILE).command
