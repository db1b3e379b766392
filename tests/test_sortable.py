"""The script that sorts tables, in a browser: allowed by its digest alone, and right about numbers, words and gaps."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from reports import page, sortable
from tests.browser import needs_chromium, visit, with_script

pytestmark = needs_chromium

_TABLE = """
<table class="sortable" id="t"><caption>t</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col" data-unsorted>Drawing</th>
<th scope="col"></th><th scope="col"><a href="#t">Linked</a></th></tr></thead>
<tbody>
<tr><th scope="rowgroup" colspan="5">first</th></tr>
<tr><td>ISO-10</td><td data-value="3">3 s</td><td></td><td></td><td>b</td></tr>
<tr><td>ISO-2</td><td data-value="">none</td><td></td><td></td><td>a</td></tr>
<tr><td>iso-1</td><td data-value="1e-3">1 ms</td><td></td><td></td><td>c</td></tr>
<tr><td>ISO-3</td><td data-value="20">20 s</td><td></td><td></td><td>b</td></tr>
</tbody>
<tbody>
<tr><th scope="rowgroup" colspan="5">second</th></tr>
<tr><td>z</td><td data-value="-1">-1</td><td></td><td></td><td>z</td></tr>
<tr><td>y</td><td data-value="-2">-2</td><td></td><td></td><td>y</td></tr>
</tbody></table>
<table id="plain"><caption>p</caption><thead><tr><th scope="col">Name</th></tr></thead><tbody></tbody></table>
"""
_FIRST, _SECOND = ["ISO-10", "ISO-2", "iso-1", "ISO-3"], ["z", "y"]

# Presses the buttons named, then tells the order, the head's marks, and where buttons are.
_PRESS = """
const table = document.getElementById("t"), heads = [...table.tHead.rows[0].cells];
for (const column of PRESSED) heads[column].querySelector("button").click();
tell({
  order: [...table.tBodies].map((body) => [...body.rows].map((row) => row.cells[0].textContent)),
  marks: heads.map((head) => head.getAttribute("aria-sort")),
  buttons: heads.map((head) => head.querySelectorAll("button[type=button]").length),
  others: document.getElementById("plain").querySelectorAll("button").length,
  names: heads.map((head) => head.querySelector("button")?.getAttribute("aria-label")),
});
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A page with the table, the policy and the script as `page.fill` makes them."""
    path = tmp_path / "page.html"
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{page.SORTABLE_POLICY}"></head>'
        f"<body>{_TABLE}<script>{sortable.SCRIPT}</script></body></html>"
    )
    return path


def pressed(document: Path, *columns: int) -> dict[str, list[object]]:
    script = _PRESS.replace("PRESSED", str(list(columns)))
    found = visit(with_script(document, script), document.parent).told()
    assert isinstance(found, dict)
    return found


def test_the_digest_is_of_the_script() -> None:
    digest = hashlib.sha256((Path(sortable.__file__).parent / "templates" / "sortable.js").read_bytes()).digest()
    assert f"'sha256-{base64.b64encode(digest).decode()}'" == sortable.CSP_SOURCE
    assert "</script" not in sortable.SCRIPT


def test_the_policy_lets_it_run_and_nothing_else(document: Path) -> None:
    """The buttons are there, with nothing on the console; another script is stopped and said so."""
    found = visit(document, document.parent)
    assert found.console == []
    assert len(re.findall(r'<button type="button" class="sort"', found.document)) == 3
    bad = document.with_name("bad.html")
    bad.write_text(document.read_text().replace("</body>", "<script>document.title = 'run'</script></body>"))
    found = visit(bad, document.parent)
    assert any("Content Security Policy" in line for line in found.console)
    assert "<title>run" not in found.document


def test_untouched_it_is_as_it_came(document: Path) -> None:
    """Buttons where something can be sorted: not without a name, not where the head says no, not in a plain table."""
    found = pressed(document)
    assert found["order"] == [["first", *_FIRST], ["second", *_SECOND]]
    assert found["buttons"] == [1, 1, 0, 0, 1]
    assert found["marks"] == [None] * 5
    assert found["others"] == 0
    assert found["names"] == [None, None, None, None, "Sort by Linked"]


@pytest.mark.parametrize(
    ("columns", "first", "second", "mark"),
    [
        ((0,), ["iso-1", "ISO-2", "ISO-3", "ISO-10"], ["y", "z"], "ascending"),
        ((0, 0), ["ISO-10", "ISO-3", "ISO-2", "iso-1"], ["z", "y"], "descending"),
        ((0, 0, 0), _FIRST, _SECOND, None),
        ((1,), ["iso-1", "ISO-10", "ISO-3", "ISO-2"], ["y", "z"], "ascending"),
        ((1, 1), ["ISO-3", "ISO-10", "iso-1", "ISO-2"], ["z", "y"], "descending"),
        ((4,), ["ISO-2", "ISO-10", "ISO-3", "iso-1"], ["y", "z"], "ascending"),
        ((1, 0), ["iso-1", "ISO-2", "ISO-3", "ISO-10"], ["y", "z"], "ascending"),
    ],
)
def test_a_press_sorts(
    document: Path, columns: tuple[int, ...], first: list[str], second: list[str], mark: str | None
) -> None:
    """Up, down, and as it came; numbers as numbers, words with the numbers in them, gaps last; equals keep their order.

    Each body by itself below its heading, and only the column pressed last is marked.
    """
    found = pressed(document, *columns)
    assert found["order"] == [["first", *first], ["second", *second]]
    assert [each for each in found["marks"] if each] == ([mark] if mark else [])
    assert found["marks"][columns[-1]] == mark
