"""From a matplotlib figure to an SVG inside a page: the same bytes every time, no clashing ids, colours by variable.

The figure is drawn in the placeholder colours below; each becomes a CSS variable of the page, so that one drawing
serves dark and light. Text stays text, in the page's own typeface.
"""

from __future__ import annotations

import io
import re
import warnings
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.evidence import visible

INK, QUIET, RULE, PAPER = "#f0f001", "#f0f002", "#f0f003", "#f0f004"
SERIES = ("#f0f011", "#f0f012", "#f0f013", "#f0f014", "#f0f015", "#f0f016")

_VARIABLES = {INK: "--ink", QUIET: "--quiet", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--series-{place}" for place, colour in enumerate(SERIES, start=1)
}
_PLACEHOLDER = re.compile("|".join(_VARIABLES))
_SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "isomark", "path.simplify": True}

_BEFORE_SVG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
# matplotlib's own sheet is `* {...}`, which inline would style the whole page; the page's sheet has it for .plot.
_SHEET = re.compile(r"\s*<style[^>]*>.*?</style>", re.DOTALL)
_OPENING = re.compile(r"<svg[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([^"]*)"')
_FONT = re.compile(r"font: (?P<weight>(?:bold |[1-9]00 )?)(?P<size>[\d.]+px)[^;\"]*")

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_-]")

_FAMILY = re.compile(r"font-family: [^;\"]*")


def inline(figure: Figure, *, prefix: str, title: str) -> str:
    """The figure as an `<svg>` element. `prefix` must be unique in the page; `title` is what a screen reader says.

    A prefix may be made of names that a file gives: of it, only what an id may hold is kept.
    """
    prefix = _NOT_IN_AN_ID.sub("-", prefix)
    drawing = io.StringIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # Text stays text: whether matplotlib's own font has the letters of a name does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(drawing, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = _METADATA.sub("", _SHEET.sub("", _BEFORE_SVG.sub("", drawing.getvalue())))
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = _FAMILY.sub("font-family: system-ui, sans-serif", text)
    text = _FONT.sub(r"font: \g<weight>\g<size> system-ui, sans-serif", text)
    text = _PLACEHOLDER.sub(lambda found: f"var({_VARIABLES[found[0]]})", text)
    return _OPENING.sub(lambda found: _opening(found[0], prefix, title), text, count=1).strip()


def _opening(found: str, prefix: str, title: str) -> str:
    box = _VIEW_BOX.search(found)
    assert box, "matplotlib always writes a viewBox"
    return (
        f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{prefix}-title">\n'
        f' <title id="{prefix}-title">{escape(visible(title))}</title>'
    )
