"""A whole comparison with nothing replaced: node alone, a launch of each, a few rows of its promises."""

import sys

import pytest

from harness.comparison_plan import PLAN_FILE, read_plan
from harness.comparison_results import Role, read_comparison
from harness.toolchain import CHECKOUT
from reports import verification
from reports.compare import commands
from tests.child_run import Child

# The suite and the load as they are, but for less of both: one area, one scenario.
LESS = """
import sys
from reports.compare import commands
suite, measure = commands.conformance, commands.load
commands.conformance = lambda *words: [*suite(*words), "--area=ISO", "-p", "no:cacheprovider"]
commands.load = lambda *words, **more: [*measure(*words, **more), "--scenario=cold-start"]
from harness import cli
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_small_comparison_of_node_with_itself(tmp_path):
    """Judged, measured twice in turn beside the floor, computed, drawn, and true to its raw files."""
    folder = tmp_path / "report"
    words = ["compare", "--runtime=node", "--baseline=none", "--launches=2", "--seed=3", f"--report={folder}"]
    with Child(tmp_path / "run", [sys.executable, "-c", LESS, *words], {}) as run:
        assert run.ended() == 0, run.output()
        assert run.output().splitlines()[-1] == f"Report: {folder / 'index.html'}"
        run.wait_until(lambda: not run.leftovers(), "everything to be gone")
    report = read_comparison(folder / "comparison.json")
    assert [(each.name, each.role) for each in report.subjects] == [
        ("node", Role.RUNTIME),
        ("node again", Role.REPEAT),
        ("node (floor)", Role.FLOOR),
    ]
    assert report.complete
    assert report.launches == 2
    assert report.subjects[0].verdict is not None
    measured = {each.subject for each in report.series if (each.scenario, each.mode) == ("cold-start", "runtime")}
    assert measured == {"node", "node again", "node (floor)"}
    assert read_plan(folder / PLAN_FILE).finished
    assert verification.verify(folder) == []


@pytest.mark.parametrize("resume", [False, True])
def test_the_load_is_asked_for_with_words_its_command_takes(tmp_path, resume):
    """The real parser reads the real command line, names with blanks and specifications with equals signs included."""
    import argparse

    from harness.comparison_plan import ComparisonPlan, PlannedSubject
    from harness.results import RuntimeIdentity
    from loadgen.command import BenchCommand
    from loadgen.interleaved.subjects import _parsed

    runtime = RuntimeIdentity(name="r", version="1", classes=(), features=())
    subjects = tuple(
        PlannedSubject(name=name, slug=name, role=role, specification=specification, runtime=runtime)
        for name, role, specification in (
            ("reference (fault x)", Role.RUNTIME, "reference,fault=x"),
            ("reference again", Role.REPEAT, "reference"),
        )
    )
    plan = ComparisonPlan(
        command="c",
        started="s",
        suite_version="v",
        specification="p",
        commit="c",
        dirty=False,
        profile="quick",
        seed=7,
        launches=3,
        baseline="none",
        subjects=subjects,
    )
    parser = argparse.ArgumentParser()
    BenchCommand().configure(parser)
    _program, bench, *words = commands.load(plan, CHECKOUT / "out" / "x", resume=resume)
    found = parser.parse_args(words)
    assert (bench, found.scenario, found.profile, found.seed, found.launches) == ("bench", "interleaved", "quick", 7, 3)
    assert (str(found.out), found.resume) == ("out/x/load", resume)
    assert [_parsed(each) for each in found.subjects] == [
        ("reference (fault x)", Role.RUNTIME, "reference,fault=x"),
        ("reference again", Role.REPEAT, "reference"),
    ]
