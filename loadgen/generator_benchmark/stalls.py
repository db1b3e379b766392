"""What response times must be, on a server that stops by schedule: computed, so that a generator can be graded.

A server that answers at once, but stands still for `stall_ms` at the end of every `period_ms`. Requests that are due at
a constant rate find it standing with probability stall / period, and then wait for what is left of the stall, which
is uniform. So of all response times a share 1 - stall / period is 0, and the rest is spread evenly up to the stall.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StallSchedule:
    """Raises `ValueError` unless 0 <= stall < period."""

    period_ms: float
    stall_ms: float

    def __post_init__(self) -> None:
        if not 0 <= self.stall_ms < self.period_ms:
            raise ValueError(f"a stall of {self.stall_ms} ms every {self.period_ms} ms cannot be")

    def response_ms(self, fraction: float) -> float:
        """The response time at or below which `fraction` of the requests lie."""
        stalled = self.stall_ms / self.period_ms
        if fraction <= 1 - stalled:
            return 0.0
        return self.stall_ms * (fraction - (1 - stalled)) / stalled
