"""docs/comparing.md and docs/nightly.md say what the commands do."""

import argparse
import re
import shlex

import pytest

from harness.errors import AlreadyRunning, RegressionFound
from harness.schemas import FILES, FOLDER
from harness.statistics import LAST_NIGHTS, MIN_LAUNCHES_FOR_A_VERDICT, MIN_NIGHTS
from harness.toolchain import CHECKOUT
from reports import exports
from reports.compare import folder
from reports.compare.command import CompareCommand
from reports.nightly.command import NightlyCommand

COMPARING = (CHECKOUT / "docs" / "comparing.md").read_text()
NIGHTLY = (CHECKOUT / "docs" / "nightly.md").read_text()


def parser_of(command):
    parser = argparse.ArgumentParser(add_help=False)
    command().configure(parser)
    return parser


@pytest.mark.parametrize(("command", "text"), [(CompareCommand, COMPARING), (NightlyCommand, NIGHTLY)])
def test_every_option_is_explained(command, text):
    """In the table of its page."""
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `--"))
    for action in parser_of(command)._actions:
        for option in action.option_strings:
            assert f"`{option}" in table, option


@pytest.mark.parametrize("text", [COMPARING, NIGHTLY])
def test_commands_can_be_typed(text):
    """Each line of a block that begins with one of the two."""
    known = {"compare": CompareCommand, "nightly": NightlyCommand}
    lines = re.findall(r"^isomark (compare|nightly)\b(.*)$", text, re.MULTILINE)
    assert lines
    for name, words in lines:
        parser_of(known[name]).parse_args(shlex.split(words, comments=True))


def test_every_file_of_a_bundle_is_named():
    """Those that a comparison writes, and those that are computed."""
    for name in [*folder._OWN, *exports.FILES]:
        assert f"`{name}" in COMPARING, name


def test_schemas_that_are_linked_are_there():
    """And are those of this project."""
    for name in re.findall(r"schema_files/([\w.]+)\)", COMPARING + NIGHTLY):
        assert name in FILES
        assert (FOLDER / name).exists()


def test_numbers_are_the_codes_own():
    """Nights, launches, threshold, exit codes."""
    for words in (
        f"the last {LAST_NIGHTS} nights",
        f"at least {MIN_LAUNCHES_FOR_A_VERDICT} launches",
        f"at least {MIN_NIGHTS} such nights",
        f"exit code {RegressionFound.exit_code}",
        f"exit code {AlreadyRunning.exit_code}",
        f"--threshold={parser_of(NightlyCommand).get_default('threshold'):.2f}",
    ):
        assert words in NIGHTLY, words
    assert f"Below {MIN_LAUNCHES_FOR_A_VERDICT} there is no verdict" in COMPARING
