"""Invented verdicts over the real catalogue: a conformance.json for each kind of subject."""

from __future__ import annotations

from pathlib import Path

from harness.catalogue import Requirement, load
from harness.features import ConformanceClass
from harness.results import ConformanceReport, RunIdentity, RuntimeIdentity
from harness.rows import Expected, Measure, ReasonCode, Row, Status
from harness.verdict import class_verdicts, overall_verdict

CATALOGUE = load(Path(__file__).parent.parent / "conformance" / "requirements.toml")

BROKEN = {
    "reference": frozenset[str](),
    "workerd": frozenset(
        f"{area}-{number}"
        for area, numbers in {"MEM": range(1, 6), "CPU": (1, 2, 5, 9, 10)}.items()
        for number in numbers
    ),
    "container": frozenset({"NET-1", "NET-2", "NET-5"}),
    "node": frozenset({"NET-1", "NET-2", "NET-5", "ISO-7"}),
}
UNSUPPORTED = {
    "reference": frozenset[str](),
    "workerd": frozenset({"SUB", "ISO-6"}),
    "container": frozenset({"ISO", "BND", "SVC"}),
    "node": frozenset({"ISO", "BND", "SVC"}),
}
CLAIMED = {
    "reference": (ConformanceClass.CORE, ConformanceClass.RESOURCES),
    "workerd": (ConformanceClass.CORE, ConformanceClass.RESOURCES),
    "container": (ConformanceClass.CORE,),
    "node": (ConformanceClass.CORE,),
}
_UNTESTED = frozenset({ConformanceClass.STATE, ConformanceClass.PLANET, ConformanceClass.COST})
_CODES = {
    Status.PASS: ReasonCode.PROMISE_KEPT,
    Status.FAIL: ReasonCode.PROMISE_BROKEN,
    Status.UNSUPPORTED: ReasonCode.FEATURE_NOT_CLAIMED,
    Status.NO_TEST: ReasonCode.NO_TEST,
}


def judged(
    nature: str, *, runtime: RuntimeIdentity, run: RunIdentity, environment: dict[str, object]
) -> ConformanceReport:
    """What the suite could have found out about a subject of that nature, every result as expected."""
    rows = tuple(_row(each, _status(each, nature)) for each in CATALOGUE.requirement)
    classes = class_verdicts(rows, CLAIMED[nature])
    return ConformanceReport(
        verdict=overall_verdict(classes.values()),
        complete=True,
        as_expected=True,
        classes=classes,
        areas=CATALOGUE.areas,
        run=run,
        runtime=runtime,
        environment=environment,
        rows=rows,
    )


def _status(requirement: Requirement, nature: str) -> Status:
    if requirement.requirement_class in _UNTESTED:
        return Status.NO_TEST
    if requirement.id in BROKEN[nature]:
        return Status.FAIL
    claimed = requirement.requirement_class in CLAIMED[nature]
    if not claimed or {requirement.id, requirement.area} & UNSUPPORTED[nature]:
        return Status.UNSUPPORTED
    return Status.PASS


def _row(requirement: Requirement, status: Status) -> Row:
    tested, slug = status is not Status.NO_TEST, requirement.id.lower().replace("-", "_")
    expected = Expected()
    if status is Status.FAIL:
        link = "https://github.com/cloudflare/workerd/issues/49"
        expected = Expected(status=Status.FAIL, reason="it has no limit of its own", link=link)
    return Row(
        requirement=requirement.id,
        area=requirement.area,
        requirement_class=requirement.requirement_class.value,
        level=requirement.level,
        statement=requirement.statement,
        test=f"conformance/test_{requirement.area.lower()}.py::test_{slug}" if tested else "",
        description="A Worker does its worst; its neighbour does not notice" if tested else "",
        status=status,
        expected=expected,
        reason_code=_CODES[status],
        reason="" if status in {Status.PASS, Status.NO_TEST} else _SEEN[status],
        evidence={"request": "GET /probe", "response": {"status": 200, "text": "ok"}} if tested else {},
        measured=(Measure(name="served", unit="MiB", low=1_024),) if status is Status.FAIL else (),
        duration_ms=41.5 if tested else 0.0,
        repeat=f"pytest conformance -k {slug}" if tested else "",
    )


_SEEN = {
    Status.FAIL: "served 1,024 MiB, outcome ok (limit not found below 1 GiB)",
    Status.UNSUPPORTED: "the runtime does not claim it, and refused it",
}
