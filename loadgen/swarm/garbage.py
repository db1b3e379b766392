"""Garbage of greenlets and pages while engines run, which turn automatic collection off for the whole process."""

from __future__ import annotations

import gc
import time

COLLECT_EVERY_S = 20.0
"""A page that is looked at for hours leaves garbage; each collection keeps the engines waiting for a millisecond."""


class Garbage:
    """From when it is made to `end`: what was there before is set aside, so that collections have little to look at."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()
        self._collected_s = time.monotonic()

    def collect_now_and_then(self) -> None:
        """To be called every so often."""
        if time.monotonic() - self._collected_s > COLLECT_EVERY_S:
            gc.collect()
            self._collected_s = time.monotonic()

    def end(self) -> None:
        gc.unfreeze()
