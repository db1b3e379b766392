"""The parts of an interleaved run by themselves: what is thrown out, how much is left, and what is shown meanwhile."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from harness.adapters.node import NodeRuntime
from harness.comparison_results import Role
from harness.features import Feature
from harness.histograms.histogram import LatencyHistogram
from harness.interleaved_results import MeasuredSubject
from harness.results import RuntimeIdentity
from loadgen.engine import Tally
from loadgen.engine.tally import Interval
from loadgen.interleaved import extents, keeping, results, resuming
from loadgen.interleaved.course import Course
from loadgen.interleaved.messages import Head, LaunchDone, LaunchFailed, Line
from loadgen.interleaved.pairs import Pair
from loadgen.interleaved.subjects import Subject
from loadgen.progress_line import progress_bar, progress_line, words_of
from loadgen.scenarios import registry, runner, warm
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.model import Taken
from loadgen.scenarios.placement import Placement
from loadgen.scenarios.record import Entry, Record
from loadgen.scenarios.under_test import UnderTest

PLACEMENT = Placement(generator=frozenset({0}), target=frozenset({0}))

MODE = warm.ONE_AT_A_TIME


def pair(*, launches: int = 4, slug: str = "one") -> Pair:
    runtime = NodeRuntime()
    identity = RuntimeIdentity(name="node", version="1", classes=(), features=())
    about = MeasuredSubject(name=slug, slug=slug, role=Role.RUNTIME, specification="node", runtime=identity)
    settings = runner.Settings(
        scenario=warm.SCENARIO,
        runtime=runtime,
        baseline=None,
        extent=Extent(launches=launches, rounds=1),
        placement=PLACEMENT,
        seed=1,
    )
    record = Record(plan=settings.plan(), started_epoch_s=0, started=0)
    return Pair(subject=Subject(runtime=runtime, about=about), settings=settings, record=record)


def entry(launch: int, *, saturated: bool = False) -> Entry:
    histogram = LatencyHistogram([launch * 1_000])
    tally = Tally(response=histogram, service=histogram, requests=1, wall_ns=1_000_000)
    return Entry(launch=launch, start_s=launch, length_s=1, taken=Taken(tally=tally, saturated=saturated))


def measured(pair: Pair, *entries: Entry, length_s: float = 1.0) -> None:
    """Take launches in."""
    for each in entries:
        part = pair.record.for_one_launch()
        part.cells[MODE].entries.append(each)
        line = keeping.line_of(part, pair.record, scenario="warm", subject="one", number=each.launch, length_s=length_s)
        pair.take_in(line, part)


def test_a_few_turns_in_which_the_generator_fell_behind_are_thrown_out_and_told() -> None:
    some = pair()
    measured(some, entry(1), entry(2, saturated=True), entry(3), entry(4))
    judged = some.judged().cells[MODE]
    assert [each.launch for each in judged.entries] == [1, 3, 4]
    assert not judged.saturated
    assert [(each.what, each.scenario, each.subject) for each in some.excluded()] == [
        (f"{MODE} in launch 2", "warm", "one")
    ]
    assert len(some.record.cells[MODE].entries) == 4, "the record itself keeps everything"
    assert not some.why_over()


def test_where_many_turns_are_the_generators_the_cell_is() -> None:
    some = pair()
    measured(some, entry(1), entry(2, saturated=True), entry(3, saturated=True), entry(4))
    judged = some.judged().cells[MODE]
    assert len(judged.entries) == 4
    assert judged.saturated
    assert some.excluded() == []


HEAD = Head(
    seed=1,
    profile="quick",
    launches=4,
    subjects=(),
    extents={},
    placement=PLACEMENT,
    suite_version="0",
    specification="0",
    commit="0",
    dirty=False,
    command="isomark bench interleaved",
    started="2026-02-01T00:00:00Z",
    started_epoch_s=100.0,
    busy_share=0.0,
    environment={},
)


@pytest.mark.parametrize("profile", extents.LAUNCHES)
def test_a_head_that_was_written_and_read_is_the_same(profile: str) -> None:
    """With the extents that comparisons really have."""
    head = structs.replace(HEAD, extents={name: found[profile] for name, found in extents.EXTENTS.items()})
    again = msgspec.json.decode(msgspec.json.encode(head), type=Head)
    assert list(resuming.differences(again, head)) == []
    other = structs.replace(head, seed=2, environment={"cpu": "other"})
    assert list(resuming.differences(again, other)) == ["seed = 1, and not 2", "cpu = None, and not other"]


def test_what_is_thrown_out_is_in_no_figure_of_the_report() -> None:
    some = pair()
    measured(some, entry(1), entry(2, saturated=True), entry(3), entry(4))
    ((_, load, files),) = results.load_reports(course(some), HEAD, "")
    (cell,) = load.cells
    assert (load.complete, load.launches, load.run.duration_s) == (True, 4, 4.0)
    assert (cell.saturated, cell.count, cell.turns) == (False, 3, 3)
    assert cell.figures is not None
    assert cell.figures.per_launch_p50_ns == (1_000, 3_001, 4_001)  # the highest value of each slot
    assert set(files) == set(cell.files)


def failed(number: int, attempt: int) -> LaunchFailed:
    return LaunchFailed(scenario="warm", subject="one", number=number, attempt=attempt, why="no")


def test_a_pair_wants_each_launch_once_and_none_after_two_failures() -> None:
    some = pair()
    assert [number for number in range(1, 5) if some.wants(number)] == [1, 2, 3, 4]
    measured(some, entry(1))
    some.failures.append(failed(2, 1))
    assert (some.wants(1), some.wants(2), some.left(), some.why_over()) == (False, True, 3, "")
    some.failures.append(failed(2, 2))
    assert not any(map(some.wants, range(1, 5)))
    assert (some.left(), some.why_over()) == (0, "no")


def course(*pairs: Pair) -> Course:
    return Course(pairs=pairs, seed=1, launches=4, placement=PLACEMENT)


def test_what_is_left_is_told_from_launches_that_were_made() -> None:
    quick, slow, unknown = pair(slug="quick"), pair(slug="slow"), pair(slug="unknown")
    assert course(quick, slow, unknown).left_s() is None
    measured(quick, entry(1), entry(2), length_s=1.0)
    measured(slow, entry(1), length_s=9.0)
    whole = course(quick, slow, unknown)
    assert (whole.done(), whole.total()) == (3, 12)
    assert whole.left_s() == 2 * 1.0 + 3 * 9.0 + 4 * 5.0, "who was not measured yet takes as long as the others"
    unknown.failures.append(failed(1, 2))
    assert whole.left_s() == 2 * 1.0 + 3 * 9.0


def test_a_round_is_done_when_everybody_who_goes_on_has_done_it() -> None:
    one, other = pair(slug="one"), pair(slug="other")
    both = course(one, other)
    measured(one, entry(1), entry(2))
    assert both.rounds_done() == 0
    measured(other, entry(1))
    assert both.rounds_done() == 1
    other.failures.append(failed(2, 2))
    assert both.rounds_done() == 2
    measured(one, entry(3), entry(4))
    assert both.rounds_done() == 4


def test_where_nobody_goes_on_only_what_all_have_done_is_done() -> None:
    one, other = pair(slug="one"), pair(slug="other")
    both = course(one, other)
    measured(one, entry(1), entry(2))
    measured(other, entry(1))
    one.failures.append(failed(3, 2))
    other.failures.append(failed(2, 2))
    assert both.rounds_done() == 1


values = st.lists(st.integers(1, 70_000_000_000), max_size=5)
counters = st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=3)
tallies = st.builds(
    lambda response, service, errors, requests: Tally(
        response=LatencyHistogram(response), service=LatencyHistogram(service), errors=Counter(errors),
        requests=requests, scheduled=requests + 1, wall_ns=requests * 1_000, started_ns=5, max_late_ns=3,
    ),
    values, values, counters, st.integers(0, 1_000),
)  # fmt: skip
takens = st.builds(
    lambda tally, discarded, saturated, observed: Taken(
        tally=tally, discarded=Counter(discarded), saturated=saturated, saturation="as it was", observed=observed
    ),
    tallies, counters, st.booleans(),
    st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False, allow_infinity=False), max_size=2),
)  # fmt: skip


@given(st.lists(takens, max_size=3), st.text(max_size=5), st.integers(0, 3), st.integers(0, 9))
def test_a_launch_comes_out_of_the_journal_as_it_went_in(
    turns: Sequence[Taken], words: str, repeated: int, repeats: int
) -> None:
    before = pair()
    part = before.record.for_one_launch()
    cell = part.cells[MODE]
    cell.entries = [
        Entry(launch=3, start_s=1 / 3, length_s=number / 7, taken=each) for number, each in enumerate(turns)
    ]
    cell.stopped, cell.repeated, part.repeats, part.order = words, repeated, repeats, ["launch 3 round 1: closed-1"]
    part.leave_out({"cpu ms": words})
    line = keeping.line_of(part, before.record, scenario="warm", subject="one", number=3, length_s=2.5)
    again = msgspec.json.decode(msgspec.json.encode(line), type=Line)
    assert isinstance(again, LaunchDone)
    assert again == line
    back = keeping.record_of(again, pair().record)
    assert (back.order, back.repeats, back.plan.left_out) == (part.order, part.repeats, part.plan.left_out)
    assert (back.cells[MODE].stopped, back.cells[MODE].repeated) == (words, repeated)
    assert [shown(each) for each in back.cells[MODE].entries] == [shown(each) for each in cell.entries]


def shown(each: Entry) -> tuple[object, ...]:
    taken = each.taken
    return (
        each.launch, each.start_s, each.length_s, taken.tally.to_message(), taken.discarded, taken.saturated,
        taken.saturation, taken.observed,
    )  # fmt: skip


def test_the_journal_does_without_the_intervals_of_a_turn() -> None:
    some = pair()
    part = some.record.for_one_launch()
    one = entry(1)
    empty = LatencyHistogram()
    one.taken.tally.intervals = [Interval(start_ns=1, end_ns=2, response=empty, service=empty)]
    part.cells[MODE].entries.append(one)
    line = keeping.line_of(part, some.record, scenario="warm", subject="one", number=1, length_s=1)
    assert line.cells[MODE].turns[0].tally.intervals == ()
    assert len(one.taken.tally.intervals) == 1, "the record keeps them"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_with_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar(60) as show:
        show("round 1 of 10: warm, [one]", done=0, left_s=None)
        show("round 2 of 10: warm, [one]", done=12, left_s=83.4)
        shown_so_far = sys.stderr.getvalue()  # type: ignore[attr-defined]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown_so_far)
    for words in ("12/60", "1:23 left", "round 2 of 10: warm, [one]"):
        assert words in text
    assert sys.stderr.getvalue().endswith("\x1b[2K"), "and is wiped away in the end"  # type: ignore[attr-defined]


def test_a_line_of_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, expected in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_line() as show, progress_bar(3) as bar:
            show("warm: launch 1 of 3")
            bar("something", done=1, left_s=1.0)
        assert ("warm: launch 1 of 3" in stream.getvalue()) == expected
        assert bool(stream.getvalue()) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (83.4, "1:23"), (3_600, "1:00:00"), (7_325, "2:02:05")],
)
def test_time_in_words(seconds: float, words: str) -> None:
    assert words_of(seconds) == words


def test_at_the_end_the_environment_is_told_again() -> None:
    end = results.environment_and_time(HEAD, now_epoch_s=102.04, environment={"cpu": "x"})
    assert (end.duration_s, end.environment_after) == (2.0, {"cpu": "x"})


def test_a_quick_comparison_of_five_takes_little_more_than_its_starts() -> None:
    """By the turns that are given in seconds, of a runtime that has everything: under 2 s of a round."""
    per_round = 0.0
    for name, profiles in extents.EXTENTS.items():
        extent = profiles["quick"]
        cells = registry.named(name).plan(UnderTest(name="any", features=frozenset(Feature)), extent).cells
        per_round += extent.rounds * len(cells) * (extent.seconds + extent.warm_up_s)
    assert per_round < 2.0
