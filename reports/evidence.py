"""What a test saw, made fit for a page: any JSON value, text from a hostile runtime, links from an expectations file.

Escaping is the template engine's work. What is done here is the rest: characters that would hide or reorder the text
around them are made visible, and only web addresses become links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

LONGEST_SHOWN = 6_000
"""Characters of one piece of evidence that the page shows; the whole of it is in conformance.json."""

_LONGEST_INLINE = 160
_CONTROL_PICTURES = 0x2400

# C0 but tab and newline, DEL, C1, bidirectional controls, line separators, lone surrogates, noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
# An absolute path into some checkout of isomark, up to the folder at its root.
_INTO_CHECKOUT = re.compile(r"(?<![\w:/.~-])(?:/[\w.@+-]+)+/(?=(?:\.toolchain|\.venv|conformance|harness|loadgen)/)")
_ISSUE = re.compile(r"^/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)/?$")
_SHORT_ISSUE = re.compile(r"^([\w.-]+/[\w.-]+)#(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of evidence. `block`: shown as preformatted text; `cut`: characters left out of the page."""

    label: str
    text: str
    block: bool
    cut: int = 0


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where a reason is explained. `address` is empty when the text is not a web address: it is then shown as text."""

    text: str
    address: str


def pieces(evidence: Mapping[str, Any]) -> tuple[Piece, ...]:
    """Every entry of a row's evidence, in its own order."""
    return tuple(_piece(label, value) for label, value in evidence.items())


def relative(text: str) -> str:
    """The text with paths into a checkout made relative to it: where it lay on the machine is nobody's business."""
    return _INTO_CHECKOUT.sub("", text)


def visible(text: str) -> str:
    """The text with characters that show nothing, or reorder what is around them, replaced by their names."""
    return _INVISIBLE.sub(_name, text)


def link(text: str) -> Link:
    """A link for http and https addresses and for the short form owner/repository#number; plain text for all else."""
    if short := _SHORT_ISSUE.match(text):
        return Link(text=text, address=f"https://github.com/{short[1]}/issues/{short[2]}")
    try:
        address = urlsplit(text)
    except ValueError:
        return Link(text=text, address="")
    if address.scheme not in {"http", "https"} or not address.netloc:
        return Link(text=text, address="")
    if address.netloc == "github.com" and (issue := _ISSUE.match(address.path)):
        return Link(text=f"{issue[1]}#{issue[2]}", address=text)
    return Link(text=text, address=text)


def file_link(path: str) -> Link:
    """A file beside the page. A path that leaves the report's folder is named by its last part and not linked."""
    parts = path.split("/")
    if not path or path.startswith("/") or "\\" in path or ".." in parts:
        return Link(text=parts[-1], address="")
    return Link(text=path, address="./" + quote(path))


def _piece(label: str, value: Any) -> Piece:
    text = _text(value)
    nested = isinstance(value, Mapping | list | tuple)
    # An empty object or a short list of numbers needs no box of its own.
    if nested and len(flat := json.dumps(value, ensure_ascii=False, default=repr)) <= _LONGEST_INLINE // 3:
        text, nested = flat, False
    text = relative(text)
    if text == "":
        text = "(empty)"
    block = nested or "\n" in text or len(text) > _LONGEST_INLINE
    return Piece(label=label, text=text[:LONGEST_SHOWN], block=block, cut=max(0, len(text) - LONGEST_SHOWN))


def _text(value: Any) -> str:
    """A string as it is, a list of strings or of like records a line each, anything else as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value:
        records = [each for each in value if isinstance(each, Mapping)]
        if not records and all(isinstance(each, str) for each in value):
            return "\n".join(value)
        if records and _alike(records) and all(isinstance(each, Mapping | str) for each in value):
            lines = [each if isinstance(each, str) else "  |  ".join(map(str, each.values())) for each in value]
            return "\n".join(["  |  ".join(records[0]), *lines])
    return json.dumps(value, indent=2, ensure_ascii=False, default=repr)


def _alike(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether records have the same few fields and hold nothing nested, so that a line each says all."""
    flat = all(not isinstance(value, Mapping | list | tuple) for each in records for value in each.values())
    return flat and len(records[0]) > 1 and all(each.keys() == records[0].keys() for each in records)


def _name(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else f"\\u{code:04x}"
