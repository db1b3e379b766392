"""What is going on, on a line of its own on standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[str], None]

_CLEAR = "\r\x1b[K"


@contextlib.contextmanager
def progress_line() -> Iterator[Progress]:
    """Shows what it is told, and is gone in the end; where standard error is no terminal, shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _what: None
        return
    try:
        yield lambda what: print(f"{_CLEAR}{what}", end="", file=sys.stderr, flush=True)
    finally:
        print(_CLEAR, end="", file=sys.stderr, flush=True)
