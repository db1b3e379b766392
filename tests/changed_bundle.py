"""Changes of a bundle's files, as somebody would make them who covers up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONFORMANCE = "conformance/workerd/conformance.json"
LOAD = "load/warm/workerd/load.json"
LOG = "load/warm/workerd/warm-closed-1.hlog"

Change = Callable[[Any], None]


def changed(path: Path, change: Change) -> None:
    """Change a JSON file and write it as it was written."""
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
