"""Fixtures that more than one test file uses."""

from tests.container_engine import engine
from tests.isolate_host import host

__all__ = ["engine", "host"]
