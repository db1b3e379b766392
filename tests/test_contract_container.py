"""The container adapter keeps the contract, on a network of its own and on the machine's."""

import pytest

from harness.registry import resolve
from harness.testing import RuntimeContract


class TestContainer(RuntimeContract):
    @pytest.fixture
    def runtime(self, engine):
        return resolve(f"container,engine={engine}")


class TestContainerOnThisNetwork(RuntimeContract):
    @pytest.fixture
    def runtime(self, engine):
        return resolve(f"container,engine={engine},network=host,memory_mb=none")
