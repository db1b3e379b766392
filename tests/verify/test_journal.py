"""`isomark report verify` holds the load against its journal: what was changed and made to fit everywhere is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.histograms import hlog
from harness.histograms.histogram import LatencyHistogram
from reports import bundle
from reports.verification import turns, verify
from tests import sample_bundle
from tests.changed_bundle import LOAD, LOG, Change, changed

DENSITY = "load/density/workerd/load.json"
INTERLEAVED = "load/interleaved.json"


def cell(report: Any, mode: str) -> Any:
    return next(each for each in report["cells"] if each["mode"] == mode)


def of_warm(change: Change) -> Change:
    return lambda report: change(cell(report, "closed-1"))


MADE_TO_FIT: dict[str, tuple[str, Change, str]] = {
    "throughput": (
        LOAD,
        of_warm(lambda each: each["figures"].update(throughput_rps=9e9)),
        "cells[closed-1].figures.throughput_rps",
    ),
    "throughput of a launch": (
        LOAD,
        of_warm(lambda each: each["figures"]["per_launch_throughput_rps"].__setitem__(1, 9e9)),
        "cells[closed-1].figures.per_launch_throughput_rps[1]",
    ),
    "memory": (
        DENSITY,
        lambda report: cell(report, "isolates-100")["observed"]["PSS MB per instance"].__setitem__(2, 0.1),
        "cells[isolates-100].observed.PSS MB per instance[2]",
    ),
    "an observed value less": (
        DENSITY,
        lambda report: cell(report, "isolates-100")["observed"].pop("still there"),
        "cells[isolates-100].observed.still there",
    ),
    "errors": (LOAD, of_warm(lambda each: each.update(errors={"status 503": 1})), "cells[closed-1].errors.status 503"),
    "sent late": (LOAD, of_warm(lambda each: each.update(behind=3)), "cells[closed-1].behind"),
    "discarded": (LOAD, of_warm(lambda each: each.update(discarded={"warm": 1})), "cells[closed-1].discarded.warm"),
    "turns": (LOAD, of_warm(lambda each: each.update(turns=30)), "cells[closed-1].turns"),
    "figures taken away": (
        LOAD,
        of_warm(lambda each: each.update(figures=None, files=[], not_timed="its answers were wrong")),
        "cells[closed-1].figures",
    ),
    "a cell taken away": (LOAD, lambda report: report["cells"].pop(0), "cells[closed-1]"),
    "launches": (LOAD, lambda report: report.update(launches=30), "launches"),
    "the order of turns": (LOAD, lambda report: report["order"].reverse(), "order[0]"),
    "the order of launches": (INTERLEAVED, lambda report: report["order"].pop(), "order[2]"),
    "the seed": (INTERLEAVED, lambda report: report["run"].update(seed=1), "run.seed"),
    "the commit": (INTERLEAVED, lambda report: report["run"].update(commit="0" * 40), "run.commit"),
    "the machine": (INTERLEAVED, lambda report: report["environment"].update(cores=64), "environment.cores"),
    "the machine after": (
        INTERLEAVED,
        lambda report: report["environment_after"].update(steal_ticks=0),
        "environment_after.steal_ticks",
    ),
    "the runtime": (
        INTERLEAVED,
        lambda report: report["subjects"][0]["runtime"].update(version="9"),
        "subjects[workerd].runtime.version",
    ),
    "a scenario of a subject taken away": (INTERLEAVED, lambda report: report["sources"].pop(0), "sources"),
    "called incomplete": (
        INTERLEAVED,
        lambda report: report.update(complete=False, why_incomplete="interrupted"),
        "complete",
    ),
}
"""What is changed, and the place it is found at."""


@pytest.mark.parametrize("change", MADE_TO_FIT)
def test_a_change_is_found_though_all_was_made_from_it_anew(folder: Path, change: str) -> None:
    file, do, field = MADE_TO_FIT[change]
    changed(folder / file, do)
    bundle.build(folder)
    found = {(each.file, each.field): each for each in verify(folder)}
    assert (file, field) in found
    assert found[file, field].should_be.endswith("(load/journal.jsonl)")
    assert "comparison.json" not in {file for file, _ in found}


def test_a_faster_launch_is_found_in_the_log_itself(folder: Path) -> None:
    """Log and load.json made to fit each other: neither fits the turns."""
    series = hlog.read((folder / LOG).read_text())
    ((tag, intervals),) = series.items()
    quick = LatencyHistogram([1_000] * len(intervals[1].histogram))
    intervals[1] = hlog.Interval(start_s=intervals[1].start_s, length_s=1.0, histogram=quick)
    (folder / LOG).write_text(hlog.render(tag, intervals, started_epoch_s=1.0))
    (found,) = [each for each in turns.check(folder) if each.file == LOG]
    assert found.field == "closed-1, launch 2"
    assert found.was == "150 answers from 1000 to 1000 ns, median 1000"


Lines = list[dict[str, Any]]


def turn_of(lines: Lines, mode: str, launch: int) -> Any:
    found = (line for line in lines if line.get("number") == launch and line["subject"] == "workerd")
    return next(line["cells"][mode]["turns"][0] for line in found if mode in line["cells"])


def lines_changed(folder: Path, change: Callable[[Lines], object]) -> None:
    path = folder / turns.JOURNAL
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


JOURNALS: dict[str, tuple[Callable[[Lines], object], str]] = {
    "a longer turn": (
        lambda lines: turn_of(lines, "closed-1", 2)["tally"].update(wall_ns=1),
        "cells[closed-1].figures.per_launch_throughput_rps[1]",
    ),
    "answers after the end": (
        lambda lines: turn_of(lines, "closed-1", 1)["tally"].update(drained=10),
        "cells[closed-1].figures.per_launch_throughput_rps[0]",
    ),
    "answers of the warm-up": (
        lambda lines: turn_of(lines, "closed-1", 1)["tally"].update(carried_over=10),
        "cells[closed-1].figures.per_launch_throughput_rps[0]",
    ),
    "never sent": (lambda lines: turn_of(lines, "closed-1", 1)["tally"].update(dropped=4), "cells[closed-1].censored"),
    "too slow for a histogram": (
        lambda lines: turn_of(lines, "closed-1", 1)["tally"]["response"].update(out_of_range=4),
        "cells[closed-1].out_of_range",
    ),
    "the generator was behind in one of three": (
        lambda lines: turn_of(lines, "closed-1", 1).update(saturated=True),
        "cells[closed-1].saturated",
    ),
    "a launch gone": (lambda lines: lines.remove(next(each for each in lines if "number" in each)), "launches"),
}


@pytest.mark.parametrize("change", JOURNALS)
def test_a_changed_journal_is_found(folder: Path, change: str) -> None:
    """Each value of a turn that goes into a figure."""
    do, field = JOURNALS[change]
    lines_changed(folder, do)
    assert field in {each.field for each in turns.check(folder)}


def test_a_turn_that_was_thrown_out_is_in_no_figure(whole: Path, folder: Path) -> None:
    """One of five in which the generator was behind: it belongs to no count, and all else stays."""
    assert not list(turns.check(whole))

    def four_more(lines: Lines) -> None:
        (line,) = [each for each in lines if each.get("number") == 1 and is_warm(each)]
        extra = [line["cells"]["closed-1"]["turns"][0] | {"saturated": True}]
        line["cells"]["closed-1"]["turns"] += extra

    def is_warm(line: dict[str, Any]) -> bool:
        return (line["scenario"], line["subject"]) == ("warm", "workerd")

    lines_changed(folder, four_more)  # 1 of 4
    assert not list(turns.check(folder))
    lines_changed(folder, four_more)  # 2 of 5: too many
    assert "cells[closed-1].saturated" in {each.field for each in turns.check(folder)}


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda path: path.unlink(), "it cannot be read: No such file"),
        (lambda path: path.write_text(""), "it has no whole line"),
        (lambda path: path.write_text(path.read_text().replace('"kind":"launch"', '"kind":"lunch"', 1)), "is damaged"),
        (lambda path: path.write_text(path.read_text().replace("journal/1", "journal/9", 1)), "journal/9"),
    ],
    ids=["missing", "empty", "a wrong line", "another version"],
)
def test_a_journal_of_no_use_is_found(folder: Path, spoil: Callable[[Path], object], word: str) -> None:
    spoil(folder / turns.JOURNAL)
    found = [each.was for each in verify(folder) if each.file == turns.JOURNAL]
    assert any(each.startswith("of no use: ") and word in each for each in found)


def test_of_a_run_that_was_cut_short_nothing_differs(tmp_path: Path) -> None:
    """And its journal, which has no last line, does not let it be called whole."""
    sample_bundle.write(tmp_path, runtimes=("workerd",), launches=6, baseline=False, complete=False)
    assert not list(turns.check(tmp_path))
    changed(tmp_path / INTERLEAVED, lambda report: report.update(complete=True, why_incomplete=""))
    assert "complete" in {each.field for each in turns.check(tmp_path)}


def test_a_torn_last_line_is_no_part_of_it(folder: Path) -> None:
    with (folder / turns.JOURNAL).open("a") as stream:
        stream.write('{"kind":"laun')
    assert not list(turns.check(folder))
