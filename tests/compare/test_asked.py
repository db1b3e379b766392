"""What a comparison is asked for, who takes part in it, and what each of them is called."""

import contextlib
from pathlib import Path

import pytest

from harness.comparison_results import Role
from harness.errors import StartError, ToolchainError, UnknownRuntimeError, UsageError
from harness.results import RuntimeIdentity
from harness.runtime import Response
from reports.compare import subjects
from reports.compare.asked import Asked, specifications
from reports.compare.subjects import identified, once_each, parties, slug_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("workerd", ("workerd",)),
        ("reference,workerd", ("reference", "workerd")),
        ("reference,fault=x,workerd", ("reference,fault=x", "workerd")),
        ("a,b=1,c=2, d ,e=3", ("a,b=1,c=2", "d,e=3")),
        ("package.module:Class,key=value,node", ("package.module:Class,key=value", "node")),
        ("reference,reference,fault=x", ("reference", "reference,fault=x")),
    ],
)
def test_a_part_with_an_equals_sign_belongs_to_the_name_before_it(text, found):
    """Commas part both runtimes and settings."""
    assert specifications(text) == found


def test_a_path_is_the_same_for_children_in_another_folder(tmp_path, monkeypatch):
    """Of a setting that is one; any other stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert specifications("workerd,binary=old/../workerd,a=b/c,workerd,binary=/opt/workerd,x,binary=") == (
        f"workerd,binary={tmp_path}/workerd,a=b/c",
        "workerd,binary=/opt/workerd",
        "x,binary=",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty part"),
        ("a,,b", "empty part"),
        ("a,", "empty part"),
        ("fault=x", "no runtime before it"),
        ("a,b,a", "names a twice"),
        ("a,k=1,a,k=1", "names a,k=1 twice"),
    ],
)
def test_a_list_that_names_nothing_or_the_same_twice_is_refused(text, words):
    """With the word that is wrong."""
    with pytest.raises(UsageError, match=words):
        specifications(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"launches": 0},
        {"launches": 1001},
        {"seed": -1},
        {"seed": 1 << 31},
        {"require_container": True, "baseline": "none"},
        {"require_container": True, "baseline": "node"},
    ],
)
def test_what_cannot_be_is_refused(wrong, tmp_path):
    """Before anything is looked at."""
    with pytest.raises(UsageError):
        Asked(runtimes=("workerd",), folder=tmp_path, **wrong)


@pytest.fixture
def machine(monkeypatch):
    """What each specification is on this machine: an identity, or the error that its start ends with."""
    there = {}

    def look(specification):
        found = there.get(specification) or identity(specification)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(subjects, "identified", look)
    return there


def identity(specification):
    name, *settings = specification.split(",")
    return RuntimeIdentity(
        name=name, version="1", classes=(), features=(), settings=dict(each.split("=", 1) for each in settings)
    )


def taking_part(*runtimes, **asked):
    return parties(Asked(runtimes=runtimes, folder=Path("unused"), **asked))


def test_who_takes_part(machine):
    """The runtimes, the first of them again, the container, the plain process: in that order."""
    found = taking_part("reference", "workerd")
    assert [(each.name, each.slug, each.role, each.specification) for each in found.subjects] == [
        ("reference", "reference", Role.RUNTIME, "reference"),
        ("workerd", "workerd", Role.RUNTIME, "workerd"),
        ("reference again", "reference-again", Role.REPEAT, "reference"),
        ("container", "container", Role.BASELINE, "container"),
        ("node", "node", Role.FLOOR, "node"),
    ]
    assert found.baseline_missing == ""
    assert [each.name for each in once_each(found.subjects)] == ["reference", "workerd", "container", "node"]


def test_names_tell_settings_and_parts_apart(machine):
    """No name is given twice and none has an equals sign, which would part a word of the load's command line."""
    found = taking_part("reference", "reference,fault=x", "node", baseline="container,memory=256")
    assert [each.name for each in found.subjects] == [
        "reference",
        "reference (fault x)",
        "node",
        "reference again",
        "container (memory 256)",
        "node (floor)",
    ]
    assert found.subjects[1].slug == "reference--fault-x-"
    assert taking_part("reference,flags=a=b").subjects[0].name == "reference (flags a b)"
    assert [each.name for each in once_each(found.subjects)][-2:] == ["node", "container (memory 256)"]


def test_two_that_cannot_be_told_apart_are_refused(machine):
    """Two classes of one name, say."""
    machine["m:A"] = machine["m:B"] = RuntimeIdentity(name="tiny", version="1", classes=(), features=())
    machine["m:C"] = RuntimeIdentity(name="tiny [runtime]", version="1", classes=(), features=())
    with pytest.raises(UsageError, match="would both be called"):
        taking_part("m:A", "m:B", "m:C")


@pytest.mark.parametrize(("length", "fits"), [(77, True), (78, False)])
def test_a_name_is_one_that_the_load_generator_takes(machine, length, fits):
    """Else it would refuse it once every promise has been judged. `again` belongs to the name.

    `length`: of the path.
    """
    runtime = f"workerd,binary=/{'x' * (length - 1)}"
    if not fits:
        with pytest.raises(UsageError, match="up to 100 printable characters"):
            taking_part(runtime)
        return
    from loadgen.interleaved.subjects import MOST_CHARACTERS

    assert max(len(each.name) for each in taking_part(runtime).subjects) == subjects.MOST_CHARACTERS == MOST_CHARACTERS


def test_without_an_engine_the_floor_stands_in(machine):
    """And the reason is kept."""
    machine["container"] = ToolchainError("no container engine answers", remedy="start one")
    found = taking_part("workerd")
    assert [each.role for each in found.subjects] == [Role.RUNTIME, Role.REPEAT, Role.FLOOR]
    assert found.baseline_missing == "no container engine answers"


def test_a_container_that_is_not_the_same_program_is_no_baseline(machine):
    """Whatever the adapter refuses with, the comparison goes without a baseline and says why."""
    machine["container"] = StartError("the image has Node 22, the floor Node 24")
    assert taking_part("workerd").baseline_missing == "the image has Node 22, the floor Node 24"


def test_require_container_makes_it_an_error(machine):
    """With the error's own exit code."""
    machine["container"] = ToolchainError("no container engine answers")
    with pytest.raises(ToolchainError, match="no container engine answers"):
        taking_part("workerd", require_container=True)


def test_a_misspelt_baseline_is_a_mistake_and_no_missing_engine(machine):
    """It would otherwise be measured against nothing, for a typing error."""
    machine["contaner"] = UnknownRuntimeError("there is no runtime adapter 'contaner'")
    with pytest.raises(UnknownRuntimeError):
        taking_part("workerd", baseline="contaner")


@pytest.mark.parametrize(("baseline", "why"), [("none", "none was asked for"), ("node", "the plain process")])
def test_a_baseline_can_be_done_without(machine, baseline, why):
    """Said as such, never silently."""
    found = taking_part("workerd", baseline=baseline)
    assert [each.role for each in found.subjects] == [Role.RUNTIME, Role.REPEAT, Role.FLOOR]
    assert why in found.baseline_missing


def test_a_runtime_that_does_not_start_is_an_error(machine):
    """Before an hour is spent on the others."""
    machine["workerd"] = StartError("it did not come up")
    with pytest.raises(StartError):
        taking_part("reference", "workerd")


def test_each_is_seen_to_serve():
    """A real launch of a real Worker."""
    found = identified("node")
    assert (found.name, found.version[:1]) == ("node", "2")


def test_a_first_answer_that_is_wrong_is_an_error(monkeypatch):
    """Whatever the adapter says of itself."""

    class Instance:
        def fetch(self, _worker, _request):
            return Response(status=503, headers={}, body=b"")

    class Runtime:
        def launch(self, _application):
            return contextlib.nullcontext(Instance())

    monkeypatch.setattr(subjects, "resolve", lambda _text: Runtime())
    monkeypatch.setattr(subjects, "runtime_identity", lambda *_: identity("broken"))
    with pytest.raises(StartError, match="status 503"):
        identified("broken")


def test_slugs_are_fit_for_file_names():
    """Only letters, digits and hyphens; the load generator makes the same of a name."""
    from loadgen.interleaved.subjects import slug_of as of_the_load

    for name in ("a b/(c: d)..e", "reference again", "container (memory 256)", "\u00e9"):
        assert slug_of(name) == of_the_load(name)
    assert slug_of("a b/(c)") == "a-b--c-"
