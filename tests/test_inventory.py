"""The inventory finds marked tests without running them."""

import pytest

from harness import inventory
from harness.errors import ConfigurationError

FILE = '''
raise RuntimeError("never run")

@requirement("ISO-1")
def test_one(launch):
    """First line
    and second.

    More."""

@mark.requirement("MEM-1", profile="full")
@something
def test_two(): ...

@requirement(NAME)
def test_not_a_constant(): ...

@requirement
def test_not_called(): ...

def test_unmarked(): ...
'''


def test_marked_functions_are_found(tmp_path):
    """Requirement, file, name, profile and the docstring's first paragraph of each marked function, no others."""
    folder = tmp_path / "suite"
    (folder / "deeper").mkdir(parents=True)
    (folder / "test_a.py").write_text(FILE)
    (folder / "deeper" / "test_b.py").write_text('@requirement("NET-1")\ndef test_three(): ...\n')
    (folder / "other.py").write_text(FILE)
    found = [
        (each.requirement, each.file, each.name, each.profile, each.description) for each in inventory.read(folder)
    ]
    assert sorted(found) == [
        ("ISO-1", "suite/test_a.py", "test_one", "quick", "First line and second."),
        ("MEM-1", "suite/test_a.py", "test_two", "full", ""),
        ("NET-1", "suite/deeper/test_b.py", "test_three", "quick", ""),
    ]


def test_a_file_that_does_not_parse_is_named(tmp_path):
    """A broken test file is an error of the suite, not a requirement without tests."""
    (tmp_path / "test_broken.py").write_text("def (")
    with pytest.raises(ConfigurationError, match=r"test_broken\.py does not parse"):
        inventory.read(tmp_path)
