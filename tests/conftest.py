"""Fixtures that more than one test file uses."""

from tests.container_engine import engine

__all__ = ["engine"]
