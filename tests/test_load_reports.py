"""What workers report adds up to the whole, in whatever parts it comes; and a part that is missing is noticed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from harness.histograms.histogram import LatencyHistogram
from loadgen.engine import Interval, Tally
from loadgen.swarm import interval_log
from loadgen.swarm.interval_log import IntervalLog
from loadgen.swarm.reports import Collector, Report

SECOND_NS = 1_000_000_000


def part(*times_ns: int, second: int = 0, errors: int = 0) -> Tally:
    """The tally of some right answers and of some that were reset, within one second of the clock."""
    histogram = LatencyHistogram(times_ns)
    start_ns = (1_700_000_000 + second) * SECOND_NS
    interval = Interval(start_ns=start_ns, end_ns=start_ns + SECOND_NS, response=histogram, service=histogram)
    return Tally(
        response=LatencyHistogram(times_ns),
        service=LatencyHistogram(times_ns),
        requests=len(times_ns),
        errors=Counter({"reset": errors}),
        scheduled=len(times_ns) + errors,
        started_ns=start_ns,
        wall_ns=SECOND_NS,
        intervals=[interval],
    )


def report(number: int, tally: Tally, *, final: bool = False, faults: tuple[str, ...] = ()) -> Report:
    """As it arrives: after a trip through JSON."""
    sent = Report(run="run", number=number, final=final, faults=faults, tally=tally.to_message())
    return msgspec.json.decode(msgspec.json.encode(sent), type=Report)


reports_of_a_worker = some.lists(some.lists(some.integers(1, 10**10), max_size=6), min_size=1, max_size=5)


@settings(deadline=None)
@given(some.dictionaries(some.sampled_from("abc"), reports_of_a_worker, min_size=1))
def test_nothing_is_lost_and_nothing_counts_twice(workers: dict[str, list[list[int]]]) -> None:
    collector = Collector(workers)
    for worker, parts in workers.items():
        for number, times in enumerate(parts):
            tally = part(*times, second=number, errors=number)
            collector.accept(worker, report(number, tally, final=number == len(parts) - 1))
    every = [time for parts in workers.values() for times in parts for time in times]
    whole = collector.whole()
    assert whole.requests == len(whole.response) == len(whole.service) == len(every)
    assert whole.response.by_slot() == LatencyHistogram(every).by_slot()
    assert whole.errors.total() == sum(number for parts in workers.values() for number in range(len(parts)))
    logged = LatencyHistogram.merged(each.response for each in collector.intervals.intervals())
    assert logged.by_slot() == whole.response.by_slot()
    assert collector.why_incomplete() == ""
    assert collector.waiting_for() == []


def test_a_report_that_never_came_makes_the_result_incomplete() -> None:
    collector = Collector(["a", "b"])
    collector.accept("b", report(0, part(1), final=True))
    collector.accept("a", report(0, part(5)))
    collector.accept("a", report(2, part(7), final=True))
    assert collector.why_incomplete() == "worker 0: report 1 never came"
    assert collector.whole().requests == 3


def test_a_worker_that_is_lost_is_waited_for_no_more() -> None:
    collector = Collector(["a"])
    collector.accept("a", report(0, part(5)))
    assert collector.waiting_for() == ["a"]
    assert collector.why_incomplete() == "worker 0: it never said that it was done"
    collector.lose("a", "it is gone")
    assert collector.waiting_for() == []
    assert collector.why_incomplete() == "worker 0: it is gone"
    assert collector.whole().requests == 1


def test_a_worker_that_comes_back_with_all_its_reports_was_not_lost() -> None:
    collector = Collector(["a"])
    collector.lose("a", "it is gone")
    collector.accept("a", report(0, part(5), final=True))
    assert collector.why_incomplete() == ""


def test_a_fault_is_named_by_the_line_that_says_what_it_was() -> None:
    fault = "Traceback (most recent call last):\n  File x, line 1\nUsageError: too many\n  expected: fewer\n"
    collector = Collector(["a"])
    collector.accept("a", report(0, part(), final=True, faults=(fault,)))
    assert collector.why_incomplete() == "worker 0: an engine failed: UsageError: too many"


def test_intervals_of_the_same_second_are_one_line() -> None:
    log = IntervalLog()
    for worker in range(3):
        for second in (2, 1):
            for interval in part(10 + worker, second=second).intervals:
                log.add(interval)
    assert [len(line.response) for line in log.intervals()] == [3, 3]


@pytest.mark.parametrize("seconds", [40, 41, 300])
def test_a_long_run_has_few_lines_and_all_its_answers(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_log, "MOST_LINES", 40)
    log = IntervalLog()
    for second in range(seconds):
        for interval in part(1000 + second, second=second).intervals:
            log.add(interval)
    lines = log.intervals()
    assert 20 <= len(lines) <= 40
    assert sum(len(line.response) for line in lines) == sum(len(line.service) for line in lines) == seconds
    assert all(one.end_ns <= other.start_ns for one, other in pairwise(lines))
