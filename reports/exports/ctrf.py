"""ctrf.json: rows and claims in the Common Test Report Format, which many CI dashboards read.

Source: the CTRF JSON schema of its project, version 0.0.0 of the specification; all times there are whole milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from harness.comparison_results import ComparisonReport
from harness.results import ConformanceReport
from harness.rows import Row
from reports.exports.outcomes import (
    CLAIMS,
    Result,
    claims_of,
    message_of,
    message_of_claim,
    result_of,
    result_of_claim,
)

SPECIFICATION = "0.0.0"

_STATUSES = {
    Result.PASSED: "passed",
    Result.FAILED: "failed",
    Result.ERROR: "failed",
    Result.EXPECTED: "other",
    Result.SKIPPED: "skipped",
}
_EVERY_STATUS = ("passed", "failed", "skipped", "pending", "other")


def render(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> str:
    """The whole document; the same reports give the same text."""
    tests = [
        *(_of_row(subject, row) for subject, each in judged.items() for row in each.rows),
        *_of_claims(report),
    ]
    started_ms = _milliseconds(report.run.started)
    duration_ms = round(report.run.duration_s * 1000)
    counts = Counter(each["status"] for each in tests)
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "timestamp": report.run.started,
        "generatedBy": "isomark",
        "results": {
            "tool": {"name": "isomark", "version": report.run.suite_version},
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in _EVERY_STATUS},
                "suites": len(judged) + bool(report.claims),
                "start": started_ms,
                "stop": started_ms + duration_ms,
                "duration": duration_ms,
            },
            "tests": tests,
            "environment": {
                "appName": ", ".join(each.name for each in report.subjects),
                "commit": report.run.commit,
                "testEnvironment": report.run.profile,
                "extra": {"before": report.environment, "after": report.environment_after},
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _of_row(subject: str, row: Row) -> dict[str, Any]:
    file = row.test.partition("::")[0]
    found: dict[str, Any] = {
        "name": f"{row.requirement} {row.test}".strip(),
        "status": _STATUSES[result_of(row)],
        "duration": round(row.duration_ms),
        "suite": [subject, row.area],
        "rawStatus": row.status.value,
        "tags": [row.requirement_class, row.level],
        "extra": {"requirement": row.requirement, "statement": row.statement, "asExpected": row.as_expected},
    }
    if file:
        found["filePath"] = file
    if message := message_of(row):
        found["message"] = message
    if row.attempts > 1:
        found["retries"] = row.attempts - 1
    return found


def _of_claims(report: ComparisonReport) -> Iterator[dict[str, Any]]:
    for name, claim in claims_of(report):
        yield {
            "name": name,
            "status": _STATUSES[result_of_claim(claim)],
            "duration": 0,
            "suite": [CLAIMS],
            "rawStatus": claim.grade.value,
            "message": message_of_claim(claim),
            "extra": {"requirement": claim.requirement, "statement": claim.statement},
        }


def _milliseconds(iso: str) -> int:
    """Since the epoch; 0 for text that is no time."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return 0
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
