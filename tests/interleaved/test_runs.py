"""Several runtimes in turn: every pair once a round, in an order of the seed; and what fails takes nothing along."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.comparison_results import Role
from harness.errors import StartError, UsageError
from loadgen.interleaved import extents, order, subjects
from loadgen.interleaved.command import NOT_ALL_TIMED
from loadgen.scenarios import registry
from tests.interleaved_runs import (
    HERE,
    LAUNCHES,
    SMALL,
    TWO,
    Eventful,
    contents,
    failures,
    launches,
    lines,
    load,
    ran,
    report,
    words,
)

pytestmark = pytest.mark.usefixtures("small_runs")


def test_each_pair_is_launched_once_in_each_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the journal, the order in the report and the cells of each load.json tell it alike."""
    assert ran(tmp_path, "--format=json") == 0
    printed = json.loads(capsys.readouterr().out)
    whole = report(tmp_path)
    assert (whole.complete, whole.launches, whole.excluded) == (True, LAUNCHES, ())
    pairs = {(scenario, subject) for scenario in TWO for subject in ("one", "node")}
    assert Counter(launches(tmp_path)) == {(*pair, number): 1 for pair in pairs for number in (1, 2, 3)}
    assert [line.partition(":")[0] for line in whole.order] == ["round 1", "round 2", "round 3"]
    ordered = [name.split("/") for line in whole.order for name in line.partition(": ")[2].split()]
    assert [tuple(each) for each in ordered] == [(scenario, subject) for scenario, subject, _ in launches(tmp_path)]
    assert len({line.partition(": ")[2] for line in whole.order}) > 1, "an order of its own for each round"
    for scenario, subject in pairs:
        found = load(tmp_path, scenario, subject)
        assert (found.complete, found.launches, found.baseline) == (True, LAUNCHES, None)
        for cell in found.cells:
            figures = cell.figures or cell.generator_figures  # others may be at work on this machine
            assert figures is not None
            assert len(figures.per_launch_p50_ns) == LAUNCHES
            assert cell.turns == LAUNCHES * SMALL[scenario].rounds
    assert printed == json.loads((tmp_path / "interleaved.json").read_text())
    kinds = Counter(line["kind"] for line in lines(tmp_path))
    assert kinds == {"head": 1, "launch": len(pairs) * LAUNCHES, "end": 1}


def test_subjects_keep_their_names_and_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = ("node=runtime=node", "node again=repeat=node", "plain & simple=floor=node")
    assert ran(tmp_path, "--launches=1", subjects=who, scenarios=["warm"]) == 0
    whole = report(tmp_path)
    assert [(each.name, each.slug, each.role) for each in whole.subjects] == [
        ("node", "node", Role.RUNTIME),
        ("node again", "node-again", Role.REPEAT),
        ("plain & simple", "plain---simple", Role.FLOOR),
    ]
    assert {source.path for source in whole.sources} == {
        f"warm/{slug}/load.json" for slug in ("node", "node-again", "plain---simple")
    }
    assert all(each.runtime.identity["binary_sha256"] for each in whole.subjects)
    table = capsys.readouterr().out
    for word in ("1 round of 3 launches", "seed 7", "plain & simple", "warm closed-1", whole.pinning.words):
        assert word in table


def test_processes_are_asked_as_processes_and_without_a_baseline(tmp_path: Path) -> None:
    """What is in the comparison as a process has HTTP by Node's own client; nothing has a process beside it."""
    who = ("node=runtime=node", "floor=floor=node", "base=baseline=node")
    assert ran(tmp_path, "--launches=1", subjects=who, scenarios=["cold-start", "chain"]) == 0
    for subject in ("node", "floor", "base"):
        assert [cell.mode for cell in load(tmp_path, "cold-start", subject).cells] == ["runtime"]
        cells = load(tmp_path, "chain", subject).cells
        assert [cell.mode for cell in cells] == ["http-1", "http-3"]
        assert all(("Node's own client" in cell.title) == (subject != "node") for cell in cells)


@given(st.sets(st.text(), min_size=1, max_size=8), st.integers(0, 1 << 31), st.integers(1, 1_000))
def test_an_order_follows_from_the_seed_and_the_round_alone(names: set[str], seed: int, number: int) -> None:
    pairs = sorted(names)
    found = order.of_round(pairs, seed, number)
    assert found == order.of_round(pairs, seed, number)
    assert sorted(found) == pairs


def test_other_seeds_and_other_rounds_have_other_orders() -> None:
    assert len({tuple(order.of_round("ABCDE", seed, 1)) for seed in range(10)}) > 5
    assert len({tuple(order.of_round("ABCDE", 1, number)) for number in range(10)}) > 5
    drawn = {order.of_turns(1, "warm", slug, number).random() for slug in ("a", "b") for number in (1, 2)}
    assert len(drawn) == 4


def test_all_first_places_are_equally_likely() -> None:
    """No subject is always first: over many rounds each leads its share."""
    first = Counter(order.of_round("ABCDE", 7, number)[0] for number in range(1_000))
    assert all(140 < count < 260 for count in first.values())


@pytest.mark.parametrize(
    ("double", "why"),
    [
        ("NeverStarts", "hello does not start on purpose"),
        ("Stumbles", "ZeroDivisionError: an adapter's own mistake"),
    ],
)
def test_a_subject_that_fails_in_one_scenario_goes_on_in_the_others(tmp_path: Path, double: str, why: str) -> None:
    """It gets a second attempt, and none in later rounds; nobody else is touched."""
    who = (f"bad=runtime={HERE}:{double}", "node=floor=node")
    assert ran(tmp_path, subjects=who) == NOT_ALL_TIMED
    whole = report(tmp_path)
    assert (whole.complete, whole.launches) == (True, LAUNCHES)
    assert failures(tmp_path) == [("warm", "bad", 1, 1), ("warm", "bad", 1, 2)]
    assert [(each.subject, each.scenario, each.what, each.why) for each in whole.excluded] == [
        ("bad", "warm", "launch 1, attempt 1", why),
        ("bad", "warm", "launch 1, attempt 2", why),
        ("bad", "warm", "every launch", why),
    ]
    assert "warm/bad" in whole.order[0]
    assert "warm/bad" not in whole.order[1] + whole.order[2]
    broken = load(tmp_path, "warm", "bad")
    assert (broken.complete, broken.launches) == (False, 0)
    assert broken.why_incomplete == f"0 of 3 launches were measured to their end: {why}"
    assert [cell.figures for cell in broken.cells] == [None]
    for pair in (("concurrency", "bad"), ("warm", "node"), ("concurrency", "node")):
        assert load(tmp_path, *pair).launches == LAUNCHES


def test_a_subject_that_fails_once_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_once(number: int, _workers: tuple[str, ...]) -> None:
        if number == 2:
            raise StartError("not this time")

    monkeypatch.setattr(Eventful, "EVENT", fail_once)
    assert ran(tmp_path, scenarios=["warm"]) == 0
    assert failures(tmp_path) == [("warm", "one", 2, 1)]
    assert Counter(launches(tmp_path)) == {("warm", who, n): 1 for who in ("one", "node") for n in (1, 2, 3)}
    (excluded,) = report(tmp_path).excluded
    assert (excluded.what, excluded.why) == ("launch 2, attempt 1", "not this time")
    assert load(tmp_path, "warm", "one").complete


def test_failures_that_are_not_in_a_row_do_not_end_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_first(number: int, _workers: tuple[str, ...]) -> None:
        if number % 2:
            raise StartError("only every other time")

    monkeypatch.setattr(Eventful, "EVENT", fail_at_first)
    assert ran(tmp_path, scenarios=["warm"]) == 0
    assert failures(tmp_path) == [("warm", "one", number, 1) for number in (1, 2, 3)]
    assert load(tmp_path, "warm", "one").launches == LAUNCHES


def test_of_a_pair_that_fails_later_the_first_launches_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_from_the_second_on(number: int, _workers: tuple[str, ...]) -> None:
        if number > 1:
            raise StartError("worn out")

    monkeypatch.setattr(Eventful, "EVENT", fail_from_the_second_on)
    assert ran(tmp_path, scenarios=["warm"]) == NOT_ALL_TIMED
    found = load(tmp_path, "warm", "one")
    assert (found.complete, found.launches) == (False, 1)
    assert found.why_incomplete == "1 of 3 launches were measured to their end: worn out"
    assert report(tmp_path).excluded[-1].what == "launches 2 to 3"


def test_a_subject_that_dies_is_told_with_the_way_it_ended(tmp_path: Path) -> None:
    who = (f"dead=runtime={HERE}:DiesAtOnce", "node=floor=node")
    assert ran(tmp_path, subjects=who, scenarios=["warm"]) == NOT_ALL_TIMED
    why = {each.why for each in report(tmp_path).excluded}
    assert len(why) == 1
    assert "killed by SIGKILL" in why.pop()
    assert load(tmp_path, "warm", "node").launches == LAUNCHES


def test_who_answers_wrongly_is_launched_once_and_never_timed(tmp_path: Path) -> None:
    who = ("wrong=runtime=tests.scenario_runs:GreetsWrongly", "node=floor=node")
    assert ran(tmp_path, subjects=who, scenarios=["warm"]) == NOT_ALL_TIMED
    assert [each for each in launches(tmp_path) if each[1] == "wrong"] == [("warm", "wrong", 1)]
    (excluded,) = report(tmp_path).excluded
    assert (excluded.what, excluded.why) == ("launches 2 to 3", "not timed: 3 of 3 answers were wrong: wrong body")
    (cell,) = load(tmp_path, "warm", "wrong").cells
    assert (cell.figures, cell.not_timed) == (None, excluded.why)


def test_a_run_begins_anew_where_another_one_was(tmp_path: Path) -> None:
    """Nothing of the earlier one is left, and nothing of anybody else's is taken away."""
    assert ran(tmp_path, "--launches=1") == 0
    (tmp_path / "warm" / "one" / "notes.txt").write_text("mine")
    assert ran(tmp_path, "--launches=1", subjects=["node=floor=node"], scenarios=["warm"]) == 0
    left = contents(tmp_path)
    assert {name for name in left if not name.startswith("warm/node/")} == {
        "interleaved.json",
        "journal.jsonl",
        "warm/one/notes.txt",
    }
    assert len(launches(tmp_path)) == 1


BAD = {
    "--subject=node": "is no subject",
    "--subject=node=floor": "is no subject",
    "--subject==floor=node": "is no subject",
    "--subject=node=floor=": "is no subject",
    "--subject=node=flor=node": "there is no role 'flor'",
    "--subject=a\nb=floor=node": "is no name",
    "--scenario=worm": "did you mean 'warm'?",
    "--scenario=tenants": "none that runtimes are compared in",
    "--launches=0": "--launches=0 is out of range",
    "--launches=1001": "--launches=1001 is out of range",
    "--seed=-1": "--seed=-1 is out of range",
    "--runtime=node": "--runtime has no meaning for 'interleaved'",
    "--baseline=node": "--baseline has no meaning for 'interleaved'",
    "--rates=5": "--rates has no meaning for 'interleaved'",
}


@pytest.mark.parametrize("word", BAD)
def test_a_wrong_word_is_refused_before_anything_is_touched(
    tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interleaved.json").write_text("an earlier run's")
    who = [] if word.startswith("--subject") else ["node=floor=node"]
    assert cli.main(words(tmp_path, word, subjects=who, scenarios=["warm"])) == UsageError.exit_code
    assert BAD[word] in capsys.readouterr().err
    assert contents(tmp_path) == {"interleaved.json": b"an earlier run's"}


def test_two_subjects_of_one_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path, subjects=["a b=floor=node", "a-b=runtime=node"]) == UsageError.exit_code
    assert "'a-b' and 'a b' would both be kept in the folder 'a-b'" in capsys.readouterr().err


def test_nobody_and_nowhere_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path, subjects=[]) == UsageError.exit_code
    assert "there is nothing to measure" in capsys.readouterr().err
    assert cli.main(["bench", "interleaved", "--subject=node=floor=node"]) == UsageError.exit_code
    assert "--out=DIR" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--subject=node=floor=node", "--scenario=warm", "--resume"])
def test_options_of_interleaved_have_no_meaning_elsewhere(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "warm", option, f"--out={tmp_path}"]) == UsageError.exit_code
    assert f"{option.partition('=')[0]} has no meaning for 'warm'" in capsys.readouterr().err


def test_a_runtime_that_is_not_there_ends_it_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, subjects=["box=baseline=tests.scenario_runs:NoEngine"]) == 23
    assert "no container engine: tried /nowhere" in capsys.readouterr().err
    assert contents(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert ran(tmp_path / "file" / "out") == 29
    assert "cannot be written to" in capsys.readouterr().err


@given(st.text(min_size=1))
def test_a_slug_is_a_name_for_a_file(name: str) -> None:
    slug = subjects.slug_of(name)
    assert len(slug) == len(name)
    assert set(slug) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")


def test_what_is_compared_is_known_and_fits_its_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real extents
    assert extents.EXTENTS.keys() == {"cold-start", "warm", "concurrency", "chain", "density", "bill"}
    for name, profiles in extents.EXTENTS.items():
        assert profiles.keys() == {"quick", "full"} == extents.LAUNCHES.keys()
        for profile, extent in profiles.items():
            assert extent.launches == extents.LAUNCHES[profile] >= 10
            scenario = registry.named(name)
            assert bool(extent.rates_rps) == bool(scenario.extents["quick"].rates_rps)
            assert bool(extent.points) == bool(scenario.extents["quick"].points)
            assert bool(extent.instances) == bool(scenario.extents["quick"].instances)
        quick, full = profiles["quick"], profiles["full"]
        for much in ("launches", "rounds", "seconds", "warm_up_s", "count", "starts"):
            assert getattr(quick, much) <= getattr(full, much)
    assert extents.extent_of("warm", "quick", 3).launches == 3
