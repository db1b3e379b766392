"""Reports with everything in them that a page must cope with; and the promise that they are real ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from harness.features import ConformanceClass
from harness.results import (
    Cell,
    ConformanceReport,
    CostReport,
    Derived,
    RunIdentity,
    RuntimeIdentity,
    read_conformance,
    read_cost,
    write_report,
)
from harness.rows import Expected, Measure, ReasonCode, Row, Status
from harness.verdict import class_verdicts, overall_verdict

HOSTILE = '</pre><script>alert("isomark")</script><img src=http://example.com/x onerror=alert(1)>'
LAUNCHES = 3
_CODES = {
    Status.PASS: ReasonCode.PROMISE_KEPT,
    Status.FAIL: ReasonCode.PROMISE_BROKEN,
    Status.ERROR: ReasonCode.HARNESS_ERROR,
    Status.TIMEOUT: ReasonCode.DEADLINE,
    Status.CRASH: ReasonCode.RUNTIME_DIED,
    Status.INCONCLUSIVE: ReasonCode.CONTROL_FAILED,
    Status.UNSUPPORTED: ReasonCode.NOT_OBSERVABLE,
    Status.SKIPPED: ReasonCode.SKIP,
    Status.XFAIL: ReasonCode.PROMISE_BROKEN,
    Status.XPASS: ReasonCode.PROMISE_KEPT,
    Status.NOT_RUN: ReasonCode.NOT_SELECTED,
    Status.NO_TEST: ReasonCode.NO_TEST,
}


def a_row(requirement: str, status: Status = Status.PASS, **changes: Any) -> Row:
    areas = {"ISO": "isolates", "MEM": "memory", "CPU": "CPU time", "STA": "state", "GLB": "global deployment"}
    classes = {"MEM": "resources", "CPU": "resources", "STA": "state", "GLB": "planet"}
    prefix = requirement.partition("-")[0]
    number = requirement.partition("-")[2]
    return Row(
        **{
            "requirement": requirement,
            "area": prefix,
            "requirement_class": classes.get(prefix, "core"),
            "level": "must",
            "statement": f"Promise number {number} on {areas[prefix]}, kept whatever the neighbours of a Worker do",
            "test": ""
            if status is Status.NO_TEST
            else f"conformance/test_{areas[prefix].replace(' ', '_')}.py::test_{number}",
            "description": "" if status is Status.NO_TEST else "A Worker does its worst; its neighbour does not notice",
            "status": status,
            "reason_code": _CODES[status],
            "reason": "" if status in {Status.PASS, Status.NO_TEST} else f"saw what makes a row {status.value}",
            "duration_ms": 123.4,
            "repeat": ""
            if status is Status.NO_TEST
            else f"pytest conformance --runtime=workerd -k {prefix.lower()}_{number}",
        }
        | changes
    )


def sample_rows() -> tuple[Row, ...]:
    foretold = Expected(
        status=Status.FAIL,
        reason="it has no heap limit of its own",
        link="https://github.com/cloudflare/workerd/issues/49",
    )
    return (
        *(a_row(f"ISO-{number}") for number in range(1, 7)),
        a_row("ISO-2", Status.PASS, test="conformance/test_isolates.py::test_2_again"),
        a_row("ISO-7", Status.UNSUPPORTED),
        a_row("ISO-8", Status.NO_TEST, level="performance", requirement_class="cost"),
        a_row(
            "MEM-1",
            Status.FAIL,
            reason="served 1,024 MiB, outcome ok (limit not found below 1 GiB)",
            expected=foretold,
            measured=(
                Measure(name="heap limit", unit="MiB", low=1024),
                Measure(name="control", unit="MiB", value=96),
                Measure(name="bracket", unit="MiB", low=126, high=131.5),
            ),
            evidence={
                "request": {"method": "POST", "url": "http://127.0.0.1:8123/allocate?mib=1024", "headers": []},
                "response": HOSTILE,
                "ledger record": {
                    "outcome": "ok",
                    "cpuTime": 12.5,
                    "nested": {"deep": [1, None, True, {"x": HOSTILE}]},
                },
                "log": "first line\nsecond line\x1b[31m red \u202e reversed",
                "attempts": 3,
                "steady": True,
                "nothing": None,
                "empty": "",
                HOSTILE: 1,
            },
        ),
        a_row("MEM-2", Status.CRASH, as_expected=False, expected=Expected(status=Status.PASS)),
        a_row("MEM-3", Status.INCONCLUSIVE),
        a_row(
            "MEM-4", Status.TIMEOUT, expected=Expected(status=Status.TIMEOUT, reason="a wait", link="javascript:x()")
        ),
        a_row("MEM-5", evidence={"long": "x" * 9_000}),
        a_row("MEM-6", Status.NO_TEST),
        a_row("MEM-7", level="should"),
        a_row("CPU-1", Status.FAIL, expected=foretold),
        a_row("CPU-2", Status.PASS, as_expected=False, expected=foretold),
        a_row("CPU-3", Status.ERROR),
        a_row("CPU-4", Status.SKIPPED),
        a_row("CPU-5", Status.XFAIL),
        a_row("CPU-10", Status.XPASS),
        a_row("STA-1"),
        a_row("STA-2", Status.NOT_RUN),
        a_row("GLB-1", Status.NO_TEST),
    )


def sample_conformance(**changes: Any) -> ConformanceReport:
    rows = changes.pop("rows", sample_rows())
    verdicts = class_verdicts(rows, [ConformanceClass.CORE, ConformanceClass.RESOURCES, ConformanceClass.STATE])
    values: dict[str, Any] = {
        "verdict": overall_verdict(verdicts.values()),
        "complete": True,
        "as_expected": False,
        "classes": verdicts,
        "areas": {
            "ISO": "isolates",
            "MEM": "memory",
            "CPU": "CPU time",
            "GLB": "global deployment",
            "STA": "state",
        },
        "run": _run("pytest conformance --runtime=workerd --profile=quick --report=out/report"),
        "runtime": _runtime("workerd", "1.20261117.1"),
        "environment": {
            "cpu": {"model": "Example CPU", "cores": 2, "governor": "performance"},
            "kernel": "Linux 6.1",
            "load before": [0.12, 0.2, 0.31],
            "steal": None,
        },
        "rows": rows,
    }
    return ConformanceReport(**(values | changes))


def sample_cost(**changes: Any) -> CostReport:
    values: dict[str, Any] = {
        "complete": True,
        "run": _run("python -m loadgen --runtime=workerd --profile=quick --out out/report"),
        "runtime": _runtime("workerd", "1.20261117.1"),
        "baseline": _runtime("node", "24.11.0"),
        "environment": {"cpu": {"model": "Example CPU", "cores": 2}, "load after": [1.5, 0.9, 0.4]},
        "launches": LAUNCHES,
        "order": ("workerd", "node") * LAUNCHES,
        "warnings": ("steal was 1.2 % of CPU time during launch 2",),
        "cells": (
            a_cell("cold-start", "isolate", 3_912_345, 300, discarded={"not cold": 2}, pyperf="isolate.json"),
            a_cell("cold-start", "process", 79_456_789, 30, pyperf="process.json"),
            a_cell("warm", "runtime", 251_300, 30_000),
            a_cell("warm", "process", 262_800, 30_000, errors={"timeout": 3}),
            a_cell("calls", "binding-fetch-1", 301_000, 3_000),
            a_cell("calls", "binding-fetch-101", 4_421_000, 3_000),
            a_cell("calls", "binding-rpc-1", 290_000, 3_000),
            a_cell("calls", "binding-rpc-101", 3_601_000, 3_000),
            a_cell("calls", "http-1", 390_000, 3_000),
            a_cell("calls", "http-101", 13_201_000, 3_000),
            a_cell("calls", "process-http-1", 405_000, 3_000),
            a_cell("calls", "process-http-101", 13_601_000, 3_000),
        ),
        "derived": (
            a_derived("binding-rpc-call", "One call: service binding, RPC", 33_100.0),
            a_derived("binding-fetch-call", "One call: service binding, fetch", 41_200.0),
            a_derived("loopback-http-call", "One call: HTTP over loopback", 129_400.0),
        ),
    }
    return CostReport(**(values | changes))


def a_cell(scenario: str, mode: str, median_ns: int, count: int, **changes: Any) -> Cell:
    medians = tuple(int(median_ns * factor) for factor in (0.97, 1.0, 1.06))
    curves = tuple(_curve(each, count // LAUNCHES) for each in medians)
    values: dict[str, Any] = {
        "scenario": scenario,
        "mode": mode,
        "title": f"{scenario.replace('-', ' ').capitalize()}: {mode.replace('-', ' ')}",
        "what": "From the first byte sent to the last byte of the answer",
        "verified": "every answer carries a nonce made in module scope",
        "count": count,
        "percentiles_ns": {
            name: _quantile_ns(median_ns, min(fraction, 1 - 0.5 / count))
            for name, fraction in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
        }
        | {"max": _quantile_ns(median_ns, 1 - 0.5 / count)},
        "per_launch_p50_ns": medians,
        "curve_ns": _curve(median_ns, count),
        "per_launch_curves_ns": curves,
        "hlog": f"{scenario}-{mode}.hlog",
    }
    return Cell(**(values | changes))


def a_derived(name: str, title: str, median_ns: float) -> Derived:
    return Derived(
        name=name,
        title=title,
        how="(a request with 101 calls - a request with 1 call) / 100",
        per_launch_ns=(median_ns * 0.95, median_ns, median_ns * 1.1),
        median_ns=median_ns,
    )


def _run(command: str) -> RunIdentity:
    return RunIdentity(
        suite_version="0.1.0",
        specification="2026-02",
        commit="7d78a41c0ffee",
        dirty=True,
        started="2026-11-23T18:04:05Z",
        duration_s=42.7,
        command=command,
        profile="quick",
        seed=20261123,
    )


def _runtime(name: str, version: str) -> RuntimeIdentity:
    return RuntimeIdentity(
        name=name,
        version=version,
        classes=("core", "resources", "state"),
        features=("vars", "service-bindings"),
        identity={"binary_sha256": "9c1e" * 16},
    )


def _quantile_ns(median_ns: int, fraction: float) -> int:
    """A lopsided distribution, as latencies are: most near the median, a long tail."""
    rarity = -math.log10(1 - fraction)
    return int(median_ns * (0.9 + 0.2 * fraction + 0.12 * max(0.0, rarity - 0.3) ** 2))


def _curve(median_ns: int, count: int) -> tuple[tuple[float, int], ...]:
    fractions = sorted(
        {index / 40 for index in range(40)}
        | {1 - 10 ** (-step / 8) for step in range(8, int(8 * math.log10(max(10, count))) + 1)}
    )
    return (
        *((each, _quantile_ns(median_ns, each)) for each in fractions),
        (1.0, _quantile_ns(median_ns, 1 - 0.5 / count)),
    )


def test_the_samples_are_reports_that_can_be_written_and_read_back(tmp_path: Path) -> None:
    """Every status is in the sample, and what is read from the files is what was written."""
    conformance, cost = sample_conformance(), sample_cost()
    write_report(tmp_path / "conformance.json", conformance)
    write_report(tmp_path / "cost.json", cost)

    assert {row.status for row in conformance.rows} == set(Status)
    assert read_conformance(tmp_path / "conformance.json") == conformance
    assert read_cost(tmp_path / "cost.json") == cost
