"""Which faults a kill matrix tries, and which rows it looks at for each."""

import argparse

import pytest

from harness import catalogue
from harness.adapters.workerd import WorkerdRuntime
from harness.conformance_run import CONFORMANCE
from harness.errors import ConfigurationError, UnknownRuntimeError, UsageError
from harness.fault_matrix import faults, plan
from harness.fault_matrix.choosing import chosen
from harness.fault_matrix.command import FaultsCommand
from harness.fault_matrix.faults import NamedFault
from tests.sample_matrix import BUDGET_S, COLD, PLAIN, WALL
from tests.third_party import TinyRuntime

CATALOGUE = catalogue.load(CONFORMANCE / "requirements.toml")
HERE = __name__


class OneFault(TinyRuntime):
    name = "one"

    def __init__(self, fault=None):
        self.fault = fault

    @classmethod
    def faults(cls):
        return {"always-cold": "ISO-2"}


class GradedToo(OneFault):
    @classmethod
    def faults(cls):
        return {"slow-start": "ISO-8", "always-cold": "ISO-2"}


class KnowsNoSetting(TinyRuntime):
    def faults(self):
        return {"always-cold": "ISO-2"}


class Carries(OneFault):
    """Says of its one fault what it is told to."""

    value = "ISO-2"

    def faults(self):
        return {"lie": self.value}


def options(*words):
    parser = argparse.ArgumentParser()
    FaultsCommand().configure(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "kind", "named"),
    [
        (["--runtime=workerd"], UsageError, "runtime 'workerd' has no faults to switch on"),
        (["--runtime=workrd"], UnknownRuntimeError, "did you mean 'workerd'?"),
        ([f"--runtime={HERE}:OneFault,fault=always-cold"], UsageError, "has a fault switched on already"),
        ([f"--runtime={HERE}:OneFault", "--area=IOS"], UsageError, "no area 'IOS'\n  expected: did you mean 'ISO'?"),
        ([f"--runtime={HERE}:OneFault", "--fault=always-code"], UsageError, "did you mean 'always-cold'?"),
        ([f"--runtime={HERE}:OneFault", "--fault=always-cold", "--area=MEM"], UsageError, "which is not of the areas"),
        ([f"--runtime={HERE}:OneFault", "--area=PLC"], UsageError, "has no faults in the areas PLC"),
        ([f"--runtime={HERE}:OneFault", "-n", "0"], UsageError, "-n 0 is out of range"),
        ([f"--runtime={HERE}:OneFault", "--deadline=-1"], UsageError, "--deadline=-1 is out of range"),
        ([f"--runtime={HERE}:OneFault", "--minutes=nan"], UsageError, "--minutes=nan is out of range"),
        ([f"--runtime={HERE}:KnowsNoSetting", "--fault=always-cold"], UsageError, "no setting 'fault'"),
        (
            [f"--runtime={HERE}:OneFault", "--area=ISO"],
            ConfigurationError,
            "the catalogue names shared-globals (ISO-1), serialise-requests (ISO-3)",
        ),
        ([f"--runtime={HERE}:Carries", "--area=ISO"], ConfigurationError, "the runtime has lie (ISO-2), which the cat"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_called_wrongly(words, kind, named):
    """A wrong word, or faults that are not the catalogue's, are told before anything is run."""
    with pytest.raises(kind) as caught:
        chosen(options(*words), CATALOGUE)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("ISO-222", "is about 'ISO-222', which is no requirement\n  expected: did you mean 'ISO-2'"),
        (5, "is about '', which is no requirement"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-5",)), "makes ISO-5 fall too and does not say why"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-2",), why="so"), "names its own requirement"),
        (NamedFault(name="", requirement="ISO-2", also=("ISO-55",), why="so"), "is about 'ISO-55'"),
    ],
)
def test_a_fault_must_say_something_sound(value, named):
    runtime = Carries()
    runtime.value = value
    with pytest.raises(ConfigurationError) as caught:
        faults.carried_by(runtime, CATALOGUE)
    assert named in str(caught.value)


def test_faults_without_more_words_are_those_the_runtime_has():
    """Their areas are the areas, what they break needs a kill, and what is only measured is left out."""
    found = chosen(options(f"--runtime={HERE}:GradedToo", "--fault=always-cold"), CATALOGUE)
    assert found.settings.faults == (NamedFault(name="always-cold", requirement="ISO-2"),)
    assert found.settings.areas == ("ISO",)
    assert found.requirements == ("ISO-2",)
    with pytest.raises(UsageError, match="has no fault 'slow-start'"):
        chosen(options(f"--runtime={HERE}:GradedToo", "--fault=slow-start"), CATALOGUE)


def test_only_what_the_runtime_claims_must_have_faults():
    """The tiny runtime claims core: of the faults the catalogue names, those of other classes are not missed."""
    core = {
        fault: requirement.id
        for requirement in CATALOGUE.requirement
        if requirement.area == "ISO" and requirement.requirement_class == "core"
        for fault in requirement.faults
    }
    carried = [NamedFault(name=name, requirement=requirement) for name, requirement in core.items()]
    faults.check_agreement(carried, CATALOGUE, ["ISO"], TinyRuntime().classes())
    with pytest.raises(ConfigurationError, match="never-evict"):
        faults.check_agreement(carried, CATALOGUE, ["ISO"], WorkerdRuntime().classes())


def test_the_reference_runtime_carries_what_the_catalogue_names():
    """Else `isomark faults` would end before it began."""
    words = options("--area=ISO,MEM,CPU,SUB,CON")
    found = chosen(words, CATALOGUE)
    assert {fault.area for fault in found.settings.faults} == {"ISO", "MEM", "CPU", "SUB", "CON"}
    assert set(found.requirements) <= {fault.requirement for fault in found.settings.faults}


def test_own_rows_first_then_what_holds_without_the_fault():
    """A row of another requirement that fails anyway is not run: it cannot come out worse."""
    cold, wall = plan.assignments([COLD, WALL], PLAIN, alone=False, budget_s=BUDGET_S)
    assert cold.own == ("t.py::cold", "t.py::cold_slow")
    assert cold.others == ("t.py::per_request", "t.py::wall", "t.py::wall_again", "t.py::wait", "t.py::unsupported")
    assert cold.words == (f"--maxfail={3 + plan.MOST_BROKEN}", *cold.own, *cold.others)
    assert wall.own == ("t.py::wall", "t.py::wall_again")
    assert cold.not_run + wall.not_run == ()
    assert plan.left_out(PLAIN, [cold, wall]) == ()
    assert plan.looked_at(PLAIN, [cold, wall]) == ("CPU-2", "CPU-3", "CPU-9", "ISO-2", "ISO-5")
    assert cold.deadline_s > plan.DEADLINE_S + 3 * 9


@pytest.mark.parametrize(
    ("room_s", "left_out"),
    [
        (16.0, []),
        (7.0, ["cold_slow"]),
        (6.4, ["cold_slow", "wall"]),
        (1.4, ["cold_slow", "wait", "wall"]),
        (0.0, ["cold", "cold_slow", "per_request", "unsupported", "wait", "wall", "wall_again"]),
    ],
)
def test_when_time_is_short_each_requirement_keeps_its_quickest_row(room_s, left_out):
    """The quickest row of every requirement comes before the second of any; own rows are run whatever they take."""
    own_s = 2 * plan.START_S + (100 + 9_000 + 400 + 200 + 4 * plan.ROW_OVERHEAD_MS) / 1000
    found = plan.assignments([COLD, WALL], PLAIN, alone=False, budget_s=own_s + room_s)
    assert sorted(row.test.removeprefix("t.py::") for row in plan.left_out(PLAIN, found)) == left_out
    assert [each.own for each in found] == [("t.py::cold", "t.py::cold_slow"), ("t.py::wall", "t.py::wall_again")]


def test_alone_means_own_rows_alone():
    cold, wall = plan.assignments([COLD, WALL], PLAIN, alone=True, budget_s=BUDGET_S)
    assert cold.others + wall.others + cold.not_run + wall.not_run == ()


def test_a_fault_without_rows_is_not_assigned():
    nothing = NamedFault(name="never-evict", requirement="ISO-6")
    assert plan.assignments([nothing], PLAIN, alone=False, budget_s=BUDGET_S) == ()
