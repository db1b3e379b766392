"""Text from anywhere made fit for GitHub's Markdown: it stays text, mentions nobody and links nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.evidence import relative, visible

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|#~$&]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}

# An empty comment parts what would become a mention, an address or the number of an issue.
_APART = "<!-- -->"
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=[wW]{3})(?=\.)|(?<=@)")

_LONGEST = 300


def text(value: str, *, longest: int = _LONGEST) -> str:
    """The value on one line and escaped, cut after that many characters."""
    line = " ".join(visible(relative(value)).split())
    if len(line) > longest:
        line = f"{line[: longest - 4].rstrip()} ..."
    parts = _ADDRESS.split(line)
    return _APART.join(_SPECIAL.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), part) for part in parts)


def code(value: str) -> str:
    """The value as a code span, whatever backquotes it holds; fit for a cell of a table too."""
    line = " ".join(visible(value).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(each) for each in re.findall("`+", line)), default=0))
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Lines of a table; cells must be escaped already. `right`: columns of numbers."""
    numbers = frozenset(right)
    rules = ("---:" if column in numbers else "---" for column in range(len(heads)))
    return [f"| {' | '.join(each)} |" for each in (heads, tuple(rules), *rows)]


def folded(title: str, lines: Sequence[str]) -> list[str]:
    """Lines that open at a click; the title must be escaped already. Nothing for no lines."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""] if lines else []
