"""The reference adapter keeps the contract."""

import pytest

from harness.registry import resolve
from harness.testing import RuntimeContract


class TestReference(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        return resolve("reference")
