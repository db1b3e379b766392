"""The folder of a comparison: what is cleared, what is refused, what goes on; and that only one is at work in it."""

import json
import os
import subprocess
import sys

import msgspec
import pytest

from harness.comparison_plan import PLAN_FILE, StageEnd, read_plan
from harness.comparison_results import Role
from harness.errors import AlreadyRunning, ReportFileError, UsageError
from harness.results import RuntimeIdentity, write_report
from harness.toolchain import CHECKOUT
from reports.compare import folder as folders
from reports.compare import subjects
from reports.compare.asked import Asked
from reports.compare.subjects import Parties, parties
from reports.folder_lock import LOCK_FILE, only_one
from tests.test_results import CONFORMANCE

SEED = 7


@pytest.fixture
def asked(tmp_path, monkeypatch):
    def identified(specification):
        return RuntimeIdentity(name=specification, version="1", classes=(), features=())

    monkeypatch.setattr(subjects, "identified", identified)
    monkeypatch.setattr(folders.environment, "commit", lambda: ("c" * 40, False))
    return Asked(runtimes=("reference", "workerd"), folder=tmp_path / "report")


def begun(asked):
    return folders.begun_plan(asked, parties(asked), SEED)


def again(asked, **changed):
    return Asked(**{**vars(asked), "resume": True, **changed})


def test_a_new_folder_holds_the_plan(asked):
    """From the first moment, with all that is needed to go on."""
    plan = begun(asked)
    assert read_plan(asked.folder / PLAN_FILE) == plan
    assert plan.command.startswith(
        "isomark compare --runtime=reference,workerd --baseline=container --profile=quick --seed=7 --report="
    )
    assert [each.role for each in plan.subjects] == [
        Role.RUNTIME,
        Role.RUNTIME,
        Role.REPEAT,
        Role.BASELINE,
        Role.FLOOR,
    ]


def test_an_earlier_comparison_is_cleared_away(asked):
    """Whole or not: nothing of it may be taken for a result of this one."""
    begun(asked)
    for name in ("comparison.json", "about.json", "index.html", ".comparison.json.x1.partial"):
        (asked.folder / name).write_text("earlier")
    for name in ("conformance/workerd", "load"):
        (asked.folder / name).mkdir(parents=True)
        (asked.folder / name / "conformance.json").write_text("earlier")
    begun(asked)
    assert [path.name for path in asked.folder.iterdir()] == [PLAN_FILE]


def test_what_the_command_before_this_one_left_is_cleared_away(asked):
    """`isomark report` wrote to the same folder."""
    asked.folder.mkdir()
    write_report(asked.folder / "conformance.json", CONFORMANCE)
    for name in ("cost.json", "index.html", "warm.hlog", "cold-start-isolate.pyperf.json"):
        (asked.folder / name).write_text("earlier")
    begun(asked)
    assert [path.name for path in asked.folder.iterdir()] == [PLAN_FILE]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    "there",
    [
        {"thesis.txt": "years of work"},
        {"index.html": "a page of another site"},
        {"plan.json": '{"schema": "somebody/else"}'},
        {"conformance.json": "{}", "index.html": "x"},
        {".hidden": "x"},
    ],
)
def test_a_folder_of_something_else_is_refused(asked, there, resume):
    """And untouched."""
    asked.folder.mkdir()
    for name, text in there.items():
        (asked.folder / name).write_text(text)

    def begin():
        if not resume or folders.resumed_plan(again(asked)) is None:
            begun(asked)

    with pytest.raises(ReportFileError):
        begin()
    assert {path.name: path.read_text() for path in asked.folder.iterdir()} == there


def test_a_stranger_beside_a_comparison_is_refused(asked):
    """The folder is ours; that file is not."""
    begun(asked)
    (asked.folder / "notes.txt").write_text("mine")
    with pytest.raises(ReportFileError, match=r"notes\.txt"):
        begun(asked)
    assert (asked.folder / PLAN_FILE).exists()


def test_what_another_command_keeps_there_stays(asked):
    """A night keeps its own files beside those of its comparison."""
    asked.folder.mkdir()
    (asked.folder / "night.json").write_text("a night")
    folders.begun_plan(Asked(**{**vars(asked), "beside": frozenset({"night.json"})}), parties(asked), SEED)
    assert (asked.folder / "night.json").read_text() == "a night"


def test_a_folder_that_is_a_file_is_refused(asked):
    """With its name."""
    asked.folder.write_text("")
    with pytest.raises(ReportFileError, match="report"):
        begun(asked)


def test_killed_before_the_first_plan_was_whole(asked):
    """The folder holds a half-written file and nothing else: it is as good as empty."""
    asked.folder.mkdir()
    (asked.folder / ".plan.json.ab12.partial").write_text("{")
    begun(asked)
    assert [path.name for path in asked.folder.iterdir()] == [PLAN_FILE]


def test_going_on_finds_the_plan_as_it_was_kept(asked):
    """Stages that are over are over."""
    plan = begun(asked)
    kept = msgspec.structs.replace(plan, stages=(StageEnd(name="load", exit_code=0, duration_s=2.5),), spent_s=1.0)
    folders.write_plan(asked.folder, kept)
    (asked.folder / "load").mkdir()
    (asked.folder / "load" / ".load.json.q.partial").write_text("{")
    assert folders.resumed_plan(again(asked)) == kept
    assert kept.duration_s() == 3.5
    assert list((asked.folder / "load").iterdir()) == []


def test_nothing_to_go_on_with_is_a_beginning(asked):
    """So that a command with --resume can be repeated until it is done."""
    assert folders.resumed_plan(again(asked)) is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"runtimes": ("workerd",)}, "--runtime=reference,workerd then, workerd now"),
        ({"baseline": "none"}, "--baseline=container then, none now"),
        ({"profile": "full"}, "--profile=quick then, full now"),
        ({"launches": 3}, "--launches=None then, 3 now"),
        ({"seed": 8}, "--seed=7 then, 8 now"),
    ],
)
def test_another_comparison_does_not_go_on_in_the_folder_of_this_one(asked, changed, named):
    """What differs is named, and the folder left alone."""
    plan = begun(asked)
    with pytest.raises(UsageError, match=named):
        folders.resumed_plan(again(asked, **changed))
    assert read_plan(asked.folder / PLAN_FILE) == plan


def test_a_comparison_does_not_go_on_with_another_suite(asked, monkeypatch):
    """Figures of two commits would be mixed."""
    begun(asked)
    monkeypatch.setattr(folders.environment, "commit", lambda: ("f" * 40, False))
    with pytest.raises(UsageError, match=f"{'f' * 40} now"):
        folders.resumed_plan(again(asked))


@pytest.mark.parametrize("before", [False, True])
def test_a_comparison_does_not_go_on_with_an_edited_suite(asked, monkeypatch, before):
    """The commit alone does not say what was measured with."""
    monkeypatch.setattr(folders.environment, "commit", lambda: ("c" * 40, before))
    assert begun(asked).dirty is before
    assert folders.resumed_plan(again(asked)).dirty is before
    monkeypatch.setattr(folders.environment, "commit", lambda: ("c" * 40, not before))
    with pytest.raises(UsageError, match="uncommitted changes=" + ("some then, none" if before else "none then, some")):
        folders.resumed_plan(again(asked))


def test_changes_are_looked_for_with_a_file_in_the_folder(asked, monkeypatch):
    """So a folder that git would list makes the plan as dirty as everything that comes after it."""
    monkeypatch.setattr(
        folders.environment, "commit", lambda: ("c" * 40, any(path.is_file() for path in asked.folder.iterdir()))
    )
    assert begun(asked).dirty
    assert [path.name for path in asked.folder.iterdir()] == [PLAN_FILE]
    assert folders.resumed_plan(again(asked)).dirty


@pytest.mark.parametrize("changed", [{"version": "2"}, {"identity": {"binary_sha256": "ab"}}])
def test_a_comparison_does_not_go_on_with_another_runtime(asked, changed):
    """Neither another version nor another build of the same."""
    plan = begun(asked)
    now = [
        msgspec.structs.replace(each, runtime=msgspec.structs.replace(each.runtime, **changed))
        if each.name == "workerd"
        else each
        for each in plan.subjects
    ]
    folders.check_still_the_same(plan, plan.subjects)
    with pytest.raises(UsageError, match="workerd is not what it was"):
        folders.check_still_the_same(plan, now)


def test_a_damaged_plan_is_named(asked):
    """It is never read as anything."""
    begun(asked)
    (asked.folder / PLAN_FILE).write_text('{"schema": "isomark/plan/1", "profile":')
    with pytest.raises(ReportFileError, match=r"plan\.json is damaged"):
        folders.resumed_plan(again(asked))


HOLD = """
import sys
from pathlib import Path
from reports.folder_lock import only_one
with only_one(Path(sys.argv[1]), "a nightly run", named=sys.argv[2] == "named"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("named", ["named", "unnamed"])
def test_only_one_at_a_time(tmp_path, named):
    """The second hears at once, and by whom; when the first is killed the lock is free."""
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path, named],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning) as refused, only_one(tmp_path, "a nightly run", named=named == "named"):
            pass
        assert refused.value.exit_code == 32
        assert "a nightly run is at work already" in str(refused.value)
        if named == "named":
            assert f"process {first.pid}, since 20" in str(refused.value)
    finally:
        first.kill()
        first.communicate()
    with only_one(tmp_path, "a nightly run", named=named == "named"):
        assert (tmp_path / LOCK_FILE).exists() is (named == "named")


def test_a_stale_lock_file_is_no_obstacle(tmp_path):
    """Whatever stands in it; nothing of that is left to be taken for the name of the new holder."""
    (tmp_path / LOCK_FILE).write_text("x" * 1_000)
    with only_one(tmp_path, "a nightly run"):
        holder = json.loads((tmp_path / LOCK_FILE).read_text())
        assert (holder["pid"], holder["started"][:2]) == (os.getpid(), "20")


def test_children_do_not_hold_the_lock(tmp_path):
    """One that outlives its parent, as a reaper does, must not keep the folder."""
    with only_one(tmp_path, "a nightly run"):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with child, only_one(tmp_path, "a nightly run"):
        child.stdin.close()


def test_a_lock_where_nothing_can_be_written(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportFileError), only_one(tmp_path / "file" / "published", "a nightly run"):
        pass


def test_parties_of_another_run_change_nothing(asked):
    """The plan's own subjects are what goes on: a container that has come meanwhile is not among them."""
    plan = folders.begun_plan(asked, Parties(subjects=parties(asked).subjects[:-2], baseline_missing="no engine"), SEED)
    folders.check_still_the_same(plan, parties(asked).subjects)
    assert folders.resumed_plan(again(asked)).subjects == plan.subjects
