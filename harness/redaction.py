"""Keeping a machine's own paths out of what is published: rows, logs quoted as evidence, command lines."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from harness.toolchain import CHECKOUT

_INSTANCE = re.compile(rf"{re.escape(tempfile.gettempdir())}/isomark-\d+-[0-9a-f]+")
_ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:[^\s/'\"=,]+/)+([^\s/'\"=,]*)")


def without_machine_paths(value: Any) -> Any:
    """The same JSON value with paths in its text relative to the checkout, and an instance's folder as `<instance>`."""
    if isinstance(value, str):
        return _INSTANCE.sub("<instance>", value.replace(f"{CHECKOUT}/", ""))
    if isinstance(value, dict):
        return {key: without_machine_paths(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_machine_paths(each) for each in value]
    return value


def command_without_machine_paths(words: list[str]) -> str:
    """A command line in which a path below the checkout is relative to it and any other keeps only its last part."""
    return " ".join(_ABSOLUTE.sub(_last_part, word.replace(f"{CHECKOUT}/", "")) for word in words)


def _last_part(match: re.Match[str]) -> str:
    return match[1] or Path(match[0]).name
