"""Fixtures that more than one test file uses, and what all tests have from Hypothesis."""

from hypothesis import settings

from tests.container_engine import engine
from tests.isolate_host import host

__all__ = ["engine", "host"]

# An example that lost its core for a while would be over Hypothesis's deadline, and within it when it is tried again:
# an error of no test's making. None is about such a time.
settings.register_profile("isomark", deadline=None)
settings.load_profile("isomark")
