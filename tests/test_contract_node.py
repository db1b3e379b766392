"""The node adapter keeps the contract."""

import pytest

from harness.registry import resolve
from harness.testing import RuntimeContract


class TestNode(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        return resolve("node")
