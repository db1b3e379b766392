"""Report files are written whole or not at all, and read only when they are sound and of this version."""

import errno
import json
import os
import stat
from pathlib import Path

import jsonschema
import msgspec
import pytest

from harness import load_results, results, schemas
from harness.errors import ReportFileError
from harness.results import (
    ConformanceReport,
    CostReport,
    RunIdentity,
    RuntimeIdentity,
    read_conformance,
    read_cost,
    write_report,
    write_text,
)
from harness.rows import Expected, Measure, ReasonCode, Row, Status
from harness.verdict import ClassVerdict, Verdict

RUN = RunIdentity(
    suite_version="0.1.0",
    specification="2026-02",
    commit="0" * 40,
    dirty=False,
    started="2026-02-01T00:00:00Z",
    duration_s=1.5,
    command="pytest conformance",
    profile="quick",
)
RUNTIME = RuntimeIdentity(name="tiny", version="1.0", classes=("core",), features=())
ROW = Row(
    requirement="ISO-1",
    area="ISO",
    requirement_class="core",
    level="must",
    statement="it holds",
    test="conformance/test_a.py::test_a",
    status=Status.FAIL,
    expected=Expected(status=Status.FAIL, reason="known", link="https://example.com/"),
    reason_code=ReasonCode.PROMISE_BROKEN,
    reason="expected this; saw \u2028 that \u0001 \U0001f600",
    evidence={"seen": [1, None, {"deep": True}]},
    measured=(Measure(name="limit", unit="MiB", low=126),),
)
CONFORMANCE = ConformanceReport(
    verdict=Verdict.NON_CONFORMANT,
    complete=False,
    why_incomplete="interrupted",
    as_expected=True,
    classes={"core": ClassVerdict(verdict=Verdict.NON_CONFORMANT, claimed=True, broken=("ISO-1",))},
    areas={"ISO": "isolates"},
    run=RUN,
    runtime=RUNTIME,
    environment={"cores": 2},
    rows=(ROW,),
)
COST = CostReport(
    complete=True,
    run=RUN,
    runtime=RUNTIME,
    baseline=RUNTIME,
    environment={},
    launches=3,
    order=(),
    cells=(),
    derived=(),
)
FIGURES = load_results.LoadFigures(
    response_ns={"p50": 5},
    service_ns={"p50": 4},
    throughput_rps=1.5,
    per_launch_p50_ns=(5,),
    per_launch_p99_ns=(6,),
    per_launch_throughput_rps=(1.5,),
    curve_ns=((0.0, 5),),
)
LOAD = load_results.LoadReport(
    complete=True,
    scenario="warm",
    about="latency",
    run=RUN,
    runtime=RUNTIME,
    environment={},
    pinning=load_results.Pinning(generator_cpus=(1,), target_cpus=(0,), apart=True, words="apart"),
    launches=1,
    order=("launch 1 round 1: open-5",),
    warnings=(
        load_results.TooFewLaunches(words="too few", launches=1, needed=10),
        load_results.WrongAnswers(words="wrong", mode="open-5", errors={"wrong-status": 1}),
    ),
    cells=(
        load_results.LoadCell(
            scenario="warm",
            mode="open-5",
            title="5/s",
            what="requests",
            verified="status",
            loop="open",
            connections=64,
            rate_rps=5.0,
            point=load_results.Point(name="connections", value=64),
            count=1,
            figures=FIGURES,
            observed={"resident MB": (1.5,)},
            files=("warm-open-5.hlog",),
        ),
    ),
    derived=(load_results.LoadDerived(name="r", title="ratio", how="so", unit="x", per_launch=(1.5,), median=1.5),),
)
REPORTS = [
    (CONFORMANCE, read_conformance, "conformance.schema.json"),
    (COST, read_cost, "cost.schema.json"),
    (LOAD, load_results.read_load, "load.schema.json"),
]


@pytest.mark.parametrize(("report", "read", "schema"), REPORTS)
def test_what_is_written_is_read(tmp_path, report, read, schema):
    """Nothing is lost on the way to the file and back, and the file follows its schema."""
    write_report(tmp_path / "deep" / "report.json", report)
    assert read(tmp_path / "deep" / "report.json") == report
    jsonschema.validate(
        json.loads((tmp_path / "deep" / "report.json").read_text()), schemas.schema_of(*schemas.FILES[schema])
    )


@pytest.mark.parametrize(("report", "read", "schema"), REPORTS)
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda text: text[: len(text) // 2], "is damaged"),
        (lambda text: "", "is damaged"),
        (lambda text: "[1]", "is damaged"),
        (lambda text: text.replace("/1", "/2", 1), "has schema 'isomark/"),
        (lambda text: "{}", "has schema None"),
        (lambda text: text.replace('"complete"', '"compleet"'), "does not follow"),
        (lambda text: text.replace('"run": {', '"run": {"host": "here",'), "unknown field `host`"),
    ],
)
def test_what_is_not_sound_is_refused(tmp_path, report, read, schema, damage, named):
    """Cut off, empty, of another version, with a key missing or one too many: each is refused and the file named."""
    path = tmp_path / "report.json"
    write_report(path, report)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ReportFileError) as caught:
        read(path)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    """The error says which file, and what was expected there."""
    with pytest.raises(ReportFileError, match="cannot be read: No such file"):
        read_conformance(tmp_path / "conformance.json")


def test_an_old_file_is_replaced_as_one(tmp_path):
    """The new file takes the old one's place; who holds the old one open still reads all of it."""
    path = tmp_path / "file"
    write_text(path, "old")
    with path.open() as stream:
        write_text(path, "new")
        assert stream.read() == "old"
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """And its name before anything else is written: what a power cut leaves is whole, and in order."""
    seen, sync = [], os.fsync

    def watched(descriptor):
        of_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        text = "" if of_folder else Path(f"/proc/self/fd/{descriptor}").resolve().read_text()
        seen.append(("folder" if of_folder else text, path.read_text()))
        sync(descriptor)

    path = tmp_path / "conformance.json"
    path.write_text("old")
    monkeypatch.setattr(results.os, "fsync", watched)
    write_text(path, "new")
    assert seen == [("new", "old"), ("folder", "new")]


def test_a_disk_that_is_full_only_when_it_is_written_to(tmp_path, monkeypatch):
    """Some say so when they are synced and not before: the old file stays."""
    path = tmp_path / "conformance.json"
    path.write_text("old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(results.os, "fsync", full)
    with pytest.raises(ReportFileError, match="No space left"):
        write_text(path, "new")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"conformance.json": "old"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """Text that cannot be encoded, or a folder in the file's place: no half-written file stays behind."""
    write_text(tmp_path / "file", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "file", "new \ud800")
    assert (tmp_path / "file").read_text() == "old"
    (tmp_path / "folder" / "taken").mkdir(parents=True)
    with pytest.raises(ReportFileError, match="cannot be written"):
        write_text(tmp_path / "folder", "new")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "folder"}


@pytest.mark.parametrize("place", ["file/below", "/proc/no/such"])
def test_a_folder_that_takes_no_files_is_named(tmp_path, place):
    """A place that cannot be written to ends with the exit code for that."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportFileError, match="cannot be written"):
        write_text(tmp_path / place / "report.json", "text")


@pytest.mark.parametrize("name", schemas.FILES)
def test_the_shipped_schemas_are_the_types(name):
    """The files in harness/schema_files are what `python -m harness.schemas` would write."""
    assert (schemas.FOLDER / name).read_text() == schemas.rendered(name)
    jsonschema.Draft202012Validator.check_schema(json.loads(schemas.rendered(name)))


def test_no_schema_file_is_left_over():
    """Each shipped file has a type."""
    assert {path.name for path in schemas.FOLDER.iterdir()} == set(schemas.FILES)


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": "isomark/conformance/2"},
        {"verdict": "excellent"},
        {"rows": [{**msgspec.to_builtins(ROW), "status": "ok"}]},
        {"rows": [{**msgspec.to_builtins(ROW), "statement": 5}]},
        {"complete": "yes"},
        {"more": 1},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(tmp_path, damage):
    """The published schema and the reader agree on what is wrong."""
    content = {**msgspec.to_builtins(CONFORMANCE), **damage}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json.loads(schemas.rendered("conformance.schema.json")))
    (tmp_path / "conformance.json").write_text(json.dumps(content))
    with pytest.raises(ReportFileError):
        read_conformance(tmp_path / "conformance.json")
