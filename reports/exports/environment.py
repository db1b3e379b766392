"""environment.json: where a comparison ran, before and after, and what exactly was measured."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from harness.comparison_results import ComparisonReport
from harness.results import ConformanceReport

ENVIRONMENT_SCHEMA = "isomark/environment/1"


def render(report: ComparisonReport, judged: Mapping[str, ConformanceReport]) -> str:
    """Also each conformance run's own environment, which is another moment of the same machine."""
    values = {
        "schema": ENVIRONMENT_SCHEMA,
        "run": report.run,
        "subjects": {each.name: {"role": each.role, "runtime": each.runtime} for each in report.subjects},
        "pinning": report.pinning,
        "before": report.environment,
        "after": report.environment_after,
        "conformance": {name: each.environment for name, each in judged.items()},
    }
    return msgspec.json.format(msgspec.json.encode(values), indent=1).decode() + "\n"
