"""Keeping a machine's own paths out of what is published: rows, logs quoted as evidence, command lines."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from harness.toolchain import CHECKOUT

_INSTANCE = re.compile(rf"{re.escape(tempfile.gettempdir())}/isomark-\d+-[0-9a-f]+")
_CUT_PATHS = "|".join(re.escape(str(CHECKOUT)[:end]) for end in range(len(str(CHECKOUT)), 1, -1))
_CUT = re.compile(rf"(?<!\S)(?:{_CUT_PATHS})$")
_ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:[^\s/'\"=,]+/)+([^\s/'\"=,]*)")


def without_machine_paths(value: Any) -> Any:
    """The same JSON value with paths in its text relative to the checkout, and an instance's folder as `<instance>`."""
    if isinstance(value, str):
        return _without_cut_path(_INSTANCE.sub("<instance>", value.replace(f"{CHECKOUT}/", "")))
    if isinstance(value, dict):
        return {key: without_machine_paths(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_machine_paths(each) for each in value]
    return value


def _without_cut_path(text: str) -> str:
    """Logs are quoted line by line, to a length: a line may end in the middle of the checkout's own path."""
    return "\n".join(_CUT.sub("...", line) for line in text.split("\n"))


def command_without_machine_paths(words: list[str]) -> str:
    """A command line in which a path below the checkout is relative to it and any other keeps only its last part."""
    return " ".join(_ABSOLUTE.sub(_last_part, word.replace(f"{CHECKOUT}/", "")) for word in words)


def _last_part(match: re.Match[str]) -> str:
    return match[1] or Path(match[0]).name
