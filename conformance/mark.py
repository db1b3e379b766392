"""The mark that ties a test to its row of requirements.toml."""

import pytest

requirement = pytest.mark.requirement
"""`@requirement("MEM-1")`, or `@requirement("CPU-7", profile="full")` for a test too long for the quick profile."""
