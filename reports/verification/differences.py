"""What a check found: one thing in one file that is not as its raw data say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

NOTHING = "nothing"
"""What stands where there is no value on one side."""

_LONGEST = 120

# Figures are computed with the same operations in the same order; what a mathematical library rounds otherwise on
# another machine is far below this, and what anybody would change a figure by is far above.
_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`file` is relative to the bundle, `field` a place in it; empty for the whole file. `was` is what stands there."""

    file: str
    field: str = ""
    was: str
    should_be: str

    @property
    def words(self) -> str:
        """One line."""
        where = f"{self.file}: {self.field}" if self.field else self.file
        return f"{where} is {self.was}, should be {self.should_be}"


def shown(value: Any) -> str:
    """A value of a JSON file in a word or a few."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def between(found: Any, computed: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """(place, what is there, what should be) for each leaf in which two JSON values differ, in the order of the file.

    Records in a list are named by what names them, where they have a name, so that a place can be found by eye.
    """
    if isinstance(found, dict) and isinstance(computed, dict):
        for key in [*found, *(key for key in computed if key not in found)]:
            yield from between(found.get(key, ...), computed.get(key, ...), f"{place}.{key}" if place else str(key))
    elif isinstance(found, list | tuple) and isinstance(computed, list | tuple):
        for index, (one, other) in enumerate(zip_longest(found, computed, fillvalue=...)):
            yield from between(one, other, f"{place}[{_name(one, other) or index}]")
    elif not _same(found, computed):
        yield place, _side(found), _side(computed)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or math.isclose(one, other, rel_tol=_TOLERANCE)
    return bool(one == other)


def _side(value: Any) -> str:
    if value is ...:
        return NOTHING
    return f"{len(value)} entries" if isinstance(value, dict | list | tuple) else shown(value)


_NAMES = ("scenario", "subject", "mode", "quantity", "requirement", "test", "name")


def _name(one: Any, other: Any) -> str:
    """The names a record goes by, when both sides go by the same."""
    parts = [[str(each[key]) for key in _NAMES if each.get(key)] for each in (one, other) if isinstance(each, dict)]
    return " ".join(parts[0]) if parts and all(each == parts[0] for each in parts) else ""
