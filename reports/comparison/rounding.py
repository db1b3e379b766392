"""As many digits as a figure deserves, so that another machine's last digit cannot change a report."""

from __future__ import annotations

from typing import overload

DIGITS = 6


@overload
def rounded(value: float) -> float: ...
@overload
def rounded(value: None) -> None: ...
@overload
def rounded(value: float | None) -> float | None: ...
def rounded(value: float | None) -> float | None:
    """To six significant digits. Words and grades are made from the value before it is rounded."""
    return None if value is None else float(f"{value:.{DIGITS}g}")
