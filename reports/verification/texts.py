"""Files that are made from others: they must be what would be made from them today, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from reports.verification.differences import NOTHING, Difference, shown

_AROUND = 40


def text_differs(folder: Path, path: str, should_be: str, *, made_from: str) -> Iterator[Difference]:
    """Whether the file there is that text; the first line that is not is shown."""
    try:
        raw = (folder / path).read_bytes()
    except FileNotFoundError:
        yield Difference(file=path, was="missing", should_be=f"there, made from {made_from}")
        return
    except OSError as error:
        yield Difference(file=path, was=f"unreadable ({error.strerror})", should_be=f"what {made_from} gives")
        return
    if raw == should_be.encode():
        return
    lines = zip_longest(raw.decode("utf-8", "replace").split("\n"), should_be.split("\n"))
    for number, (one, other) in enumerate(lines, 1):
        if one != other:
            was, wanted = _where_they_part(one, other)
            yield Difference(file=path, field=f"line {number}", was=was, should_be=f"{wanted} (made from {made_from})")
            return
    yield Difference(file=path, was="bytes that are no UTF-8", should_be=f"what {made_from} gives")


def _where_they_part(one: str | None, other: str | None) -> tuple[str, str]:
    """The two lines from just before they differ: a line of a page may be very long."""
    if one is None or other is None:
        return NOTHING if one is None else shown(one), NOTHING if other is None else shown(other)
    place = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, place - _AROUND)
    before = "..." if start else ""
    return shown(before + one[start:]), shown(before + other[start:])
