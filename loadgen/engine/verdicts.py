"""What is already known about answers: the same bytes, or the same head, are judged once and then looked up.

Both tables are bounded and give up their oldest entry for a new one: a Date header makes a new head every second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from loadgen.engine.errors import ErrorClass
from loadgen.engine.incoming import Incoming
from loadgen.engine.requests import Check

MOST_ENTRIES = 64
MOST_WHOLE_BYTES = 2048
"""Of an answer that is looked up as a whole; hashing a longer one takes longer than looking at its head."""

MOST_HEAD_BYTES = 4096
"""Of a head worth remembering."""

_HEAD_END = b"\r\n\r\n"

_V = TypeVar("_V")


Judged = tuple[str | None, bool, int]
"""Of a whole answer: its error, None for a right one; whether the connection lives on; the answer's size in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    status: int
    length: int
    keep_alive: bool


class Verdicts:
    """About the answers to requests with one check.

    `known` is the hot loop's: bytes of whole, right answers that keep the connection, and their number.
    """

    def __init__(self, check: Check) -> None:
        self.check = check
        self.known: dict[bytes, int] = {}
        self._heads: dict[bytes, _Head] = {}
        self.needs_body = check.body is not None or check.body_check is not None

    def look_up(self, data: bytes) -> Judged | None:
        """Judge `data` by its head; None unless it is a known head and just the body that this head announces."""
        end = data.find(_HEAD_END)
        if end < 0:
            return None
        head = self._heads.get(data[:end])
        if head is None or len(data) != end + 4 + head.length:
            return None
        error = self._fault(head.status, data[end + 4 :] if self.needs_body else b"")
        if error is None and head.keep_alive:
            self._learn_whole(data)
        return error, head.keep_alive, len(data)

    def judge(self, answer: Incoming, only_piece: bytes | None) -> Judged:
        """Judge a whole answer, and learn from it when it came in one piece and with a Content-Length."""
        error = self._fault(answer.status, answer.body)
        if only_piece is not None and answer.content_length is not None:
            end = only_piece.find(_HEAD_END)
            # Not so after an interim answer, whose head would be taken for this one's.
            if end <= MOST_HEAD_BYTES and len(only_piece) == end + 4 + answer.content_length:
                _remember(
                    self._heads,
                    only_piece[:end],
                    _Head(status=answer.status, length=answer.content_length, keep_alive=answer.keep_alive),
                )
                if error is None and answer.keep_alive:
                    self._learn_whole(only_piece)
        return error, answer.keep_alive, answer.bytes_read

    def _learn_whole(self, data: bytes) -> None:
        # A body check may count, or compare with what came before: it is asked each time.
        if len(data) <= MOST_WHOLE_BYTES and self.check.body_check is None:
            _remember(self.known, data, len(data))

    def _fault(self, status: int, body: bytes) -> str | None:
        check = self.check
        if status != check.status:
            return ErrorClass.WRONG_STATUS
        if check.body is not None and body != check.body:
            return ErrorClass.WRONG_BODY
        if check.body_check is None:
            return None
        try:
            return check.body_check(body)
        except Exception as error:  # noqa: BLE001 - a check that stumbles over a body has found it wrong
            return f"{ErrorClass.WRONG_BODY} ({type(error).__name__})"


def _remember(table: dict[bytes, _V], key: bytes, value: _V) -> None:
    if len(table) >= MOST_ENTRIES and key not in table:
        del table[next(iter(table))]
    table[key] = value
