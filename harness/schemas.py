"""The JSON Schemas of the files a run leaves behind, made from the types that write them.

`python -m harness.schemas` writes them to harness/schema_files/; a test holds the files there against the types.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.about_results import ABOUT_SCHEMA, AboutReport
from harness.comparison_plan import PLAN_SCHEMA, ComparisonPlan
from harness.comparison_results import COMPARISON_SCHEMA, ComparisonReport
from harness.diff_results import DIFF_SCHEMA, DiffReport
from harness.interleaved_results import INTERLEAVED_SCHEMA, InterleavedReport
from harness.load_results import LOAD_SCHEMA, LoadReport
from harness.locust_results import LOCUST_SCHEMA, LocustResult
from harness.night_results import GATE_SCHEMA, NIGHT_SCHEMA, GateReport, NightReport
from harness.results import CONFORMANCE_SCHEMA, COST_SCHEMA, ConformanceReport, CostReport
from harness.site_results import SITE_SCHEMA, SiteReport

FOLDER = Path(__file__).parent / "schema_files"

FILES: dict[str, tuple[str, type]] = {
    "about.schema.json": (ABOUT_SCHEMA, AboutReport),
    "comparison.schema.json": (COMPARISON_SCHEMA, ComparisonReport),
    "conformance.schema.json": (CONFORMANCE_SCHEMA, ConformanceReport),
    "cost.schema.json": (COST_SCHEMA, CostReport),
    "gate.schema.json": (GATE_SCHEMA, GateReport),
    "diff.schema.json": (DIFF_SCHEMA, DiffReport),
    "interleaved.schema.json": (INTERLEAVED_SCHEMA, InterleavedReport),
    "load.schema.json": (LOAD_SCHEMA, LoadReport),
    "locust.schema.json": (LOCUST_SCHEMA, LocustResult),
    "site.schema.json": (SITE_SCHEMA, SiteReport),
    "night.schema.json": (NIGHT_SCHEMA, NightReport),
    "plan.schema.json": (PLAN_SCHEMA, ComparisonPlan),
}


def schema_of(identifier: str, kind: type) -> dict[str, Any]:
    """JSON Schema 2020-12 of one file; `schema` is fixed to the identifier, so a file of another version fails."""
    schema = msgspec.json.schema(kind)
    definition = schema["$defs"][kind.__name__]
    definition["properties"]["schema"] = {"const": identifier}
    if "schema" not in definition["required"]:
        definition["required"].insert(0, "schema")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": identifier, **schema}


def rendered(name: str) -> str:
    """The text the file of that name must have."""
    identifier, kind = FILES[name]
    return msgspec.json.format(msgspec.json.encode(schema_of(identifier, kind)), indent=1).decode() + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file_name in FILES:
        (FOLDER / file_name).write_text(rendered(file_name), encoding="utf-8")
