"""The catalogue that is shipped is whole, and a damaged one is refused by name."""

import pytest

from harness import catalogue, expectations
from harness.conformance_run import CONFORMANCE
from harness.errors import ConfigurationError, UsageError
from harness.rows import Status

SHIPPED = catalogue.load(CONFORMANCE / "requirements.toml")

AREAS = {
    "ISO": 11, "MEM": 7, "CPU": 11, "SUB": 7, "CON": 5, "BND": 9,
    "NET": 5, "SVC": 6, "PLC": 9, "JUR": 6, "GLB": 4, "STA": 10,
}  # fmt: skip

COST = {"ISO-8", "ISO-9", "ISO-10", "BND-8", "SVC-6", "JUR-5", "GLB-2"}


def numbered(area, *numbers):
    return {f"{area}-{number}" for number in numbers}


CLASSES = {
    "core": numbered("ISO", 1, 2, 3, 4, 5, 7)
    | numbered("CON", 1, 2, 5)
    | numbered("NET", 1, 2, 3, 4)
    | numbered("SVC", 1, 2, 3, 4)
    | numbered("BND", 1, 2, 3, 4, 5, 6)
    | {"MEM-5", "MEM-6", "CPU-9", "GLB-4"},
    "resources": numbered("MEM", 1, 2, 3, 4, 7)
    | numbered("CPU", 1, 2, 3, 4, 5, 6, 7, 8, 10, 11)
    | numbered("SUB", 1, 2, 3, 4, 5, 6, 7)
    | {"ISO-6", "ISO-11", "CON-3", "CON-4"},
    "state": {"BND-7", "BND-9", "NET-5"} | numbered("STA", *range(1, 11)),
    "planet": numbered("PLC", *range(1, 10)) | numbered("JUR", 1, 2, 3, 4, 6) | {"GLB-1", "GLB-3", "SVC-5"},
    "cost": COST,
}

ENTRY = """
[[requirement]]
id = "ISO-1"
level = "must"
class = "core"
statement = "it holds"
source = ["a section"]
faults = ["a-lie"]
"""
HEAD = 'edition = "2026-02"\n[areas]\nISO = "isolates"\n[classes]\ncore = "the core"\n'


def test_all_ninety_are_there_once():
    """Ninety requirements, each id once, numbered without a gap within its area."""
    identifiers = [requirement.id for requirement in SHIPPED.requirement]
    assert len(identifiers) == 90
    assert set(identifiers) == {f"{area}-{number}" for area, count in AREAS.items() for number in range(1, count + 1)}
    assert set(SHIPPED.areas) == set(AREAS)


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name):
    """Each class holds the rows it is defined by."""
    assert {each.id for each in SHIPPED.requirement if each.requirement_class == name} == CLASSES[name]


def test_levels():
    """The rows graded from measurements are the class "cost", and no others."""
    assert {each.id for each in SHIPPED.requirement if each.level == "performance"} == COST
    assert all(each.statement and each.source for each in SHIPPED.requirement)


def test_by_id_names_the_near_miss():
    """An id that is not there is refused with the ones that look like it."""
    assert SHIPPED.by_id("MEM-1").area == "MEM"
    with pytest.raises(UsageError, match="no requirement 'MEM-11'\n  expected: did you mean 'MEM-1'"):
        SHIPPED.by_id("MEM-11")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (HEAD + ENTRY * 2, "ISO-1 is twice in it"),
        (HEAD + ENTRY.replace("ISO-1", "XYZ-1"), "XYZ-1 is of an area that is not listed"),
        (HEAD + ENTRY.replace('"must"', '"may"'), "of level 'may'"),
        (HEAD + ENTRY.replace('"core"', '"kernel"'), "kernel"),
        (HEAD + ENTRY.replace("statement", "statment"), "statment"),
        (HEAD + ENTRY.replace('statement = "it holds"\n', ""), "statement"),
        (HEAD + "requirement = ", "not a requirement catalogue"),
        ("", "edition"),
    ],
)
def test_a_damaged_catalogue_is_refused(tmp_path, text, named):
    """What is wrong is named."""
    (tmp_path / "requirements.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        catalogue.load(tmp_path / "requirements.toml")


@pytest.mark.parametrize("load", [catalogue.load, lambda path: expectations.read(path, "tiny", SHIPPED)])
@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_what_cannot_be_read_is_refused(tmp_path, load, content):
    """A file that is not there, or is no text."""
    path = tmp_path / "file.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"file\.toml"):
        load(path)


KNOWN = """
runtime = "tiny"
[[known]]
requirement = "ISO-2"
status = "fail"
reason = "it is small"
link = "https://example.com/"
[[known]]
requirement = "ISO-2"
test = "test_one"
status = "crash"
reason = "it is frail"
link = "https://example.com/"
"""


def read(tmp_path, text):
    (tmp_path / "tiny.toml").write_text(text)
    return expectations.load(tmp_path, "tiny", SHIPPED)


def test_the_more_precise_expectation_wins(tmp_path):
    """An entry about a test beats one about its requirement; what no entry is about is expected to pass."""
    known = read(tmp_path, KNOWN)
    assert known.of("ISO-2", "test_one").status is Status.CRASH
    assert known.of("ISO-2", "test_other").reason == "it is small"
    assert known.of("ISO-3", "test_one").status is Status.PASS


def test_no_file_means_nothing_known(tmp_path):
    """A runtime without a file is expected to pass."""
    assert expectations.load(tmp_path, "tiny", SHIPPED).known == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (KNOWN.replace('"fail"', '"pass"'), "ISO-2 expects 'pass'"),
        (KNOWN.replace('"fail"', '"error"'), "ISO-2 expects 'error'"),
        (KNOWN.replace('"fail"', '"broken"'), "broken"),
        (KNOWN.replace("https://", "see "), "no reason or no link"),
        (KNOWN.replace('"it is small"', '" "'), "no reason or no link"),
        (KNOWN.replace('link = "https://example.com/"\n', ""), "link"),
        (KNOWN.replace("ISO-2", "ISO-22"), "no requirement 'ISO-22'"),
        (KNOWN.replace('"tiny"', '"large"'), "about runtime 'large'"),
        (KNOWN.replace("reason", "why"), "why"),
        ("runtime =", "not an expectations file"),
    ],
)
def test_unsound_expectations_are_refused(tmp_path, text, named):
    """A status nobody can foretell, an entry without reason or link, an unknown requirement: each is named."""
    with pytest.raises(ConfigurationError, match=named):
        read(tmp_path, text)


def test_entries_about_no_test_are_stale(tmp_path):
    """An entry about a test or a requirement without tests is stale."""
    known = read(tmp_path, KNOWN)
    assert known.stale({("ISO-2", "test_one")}) == []
    assert [entry.test for entry in known.stale({("ISO-2", "test_other")})] == ["test_one"]
    assert len(known.stale({("ISO-3", "test_one")})) == 2


@pytest.mark.parametrize("path", sorted((CONFORMANCE / "expectations").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_expectations_are_sound(path):
    """Each shipped file loads for the runtime it is named after."""
    assert expectations.load(path.parent, path.stem, SHIPPED).runtime == path.stem
