"""Pages from templates: everything escaped, nothing loaded from anywhere, no script but the one that sorts tables.

A name missing from a template's values is an error here, not a hole in the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports import sortable as sorting
from reports.evidence import visible

_TEMPLATES = Path(__file__).parent / "templates"

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may load for the page: nothing but its own inline styles and the empty icon."""

SORTABLE_POLICY = f"{CONTENT_POLICY}; script-src {sorting.CSP_SOURCE}"
"""The same for a page with sortable tables: the one script is allowed by its digest."""


def fill(template: str, values: dict[str, Any], *, sortable: bool = False) -> str:
    """The template with its values, a whole HTML document. `sortable`: it carries the script that sorts tables."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finish,
    )
    sheet = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    frame = {
        "policy": SORTABLE_POLICY if sortable else CONTENT_POLICY,
        "sheet": sheet,
        "script": sorting.SCRIPT if sortable else "",
    }
    return environment.get_template(template).render(values | frame)


def _finish(value: Any) -> Any:
    """Markup passes; plain text, wherever it came from, loses its power to hide or reorder its surroundings."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
