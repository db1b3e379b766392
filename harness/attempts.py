"""A test that has shown nothing is run again: a machine that is busy for a moment must not cost a verdict.

Only that: a promise that was seen to be broken, a crash or a deadline stands the first time. Why the attempts before
the last one showed nothing stays in the row's evidence.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol  # made to be called again for the same item, and public under no other name

from harness.row_of_test import row_in
from harness.rows import Status

ATTEMPTS = 3

_EARLIER = pytest.StashKey[list[str]]()


def run(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Set up, call and tear down `item`, up to `ATTEMPTS` times. Only the last attempt is reported."""
    hooks, earlier = item.ihook, item.stash.setdefault(_EARLIER, [])
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    while True:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        rows = [row for row in map(row_in, reports) if row is not None]
        # More than one, and tidying up went wrong too, which is to be told.
        shows_nothing = [row.status for row in rows] == [Status.INCONCLUSIVE] and not rows[0].as_expected
        if not shows_nothing or len(earlier) == ATTEMPTS - 1 or item.session.shouldstop:
            break
        earlier.append(rows[0].reason)
    for report in reports:
        hooks.pytest_runtest_logreport(report=report)
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def earlier(item: pytest.Item) -> tuple[str, ...]:
    """Why each attempt before this one showed nothing."""
    reasons: list[str] = item.stash.get(_EARLIER, [])
    return tuple(reasons)
