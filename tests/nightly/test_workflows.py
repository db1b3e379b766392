"""The workflows run what is there: each command of theirs is one that this checkout has, with options that it takes."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.toolchain import CHECKOUT
from reports.compare.command import CompareCommand
from reports.nightly.command import NightlyCommand

FOLDER = CHECKOUT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
COMMANDS = {"compare": CompareCommand, "nightly": NightlyCommand}
MAKEFILE = (CHECKOUT / "Makefile").read_text()


def read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as a truth value.
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def lines(path: Path) -> list[str]:
    return [line.strip() for step in steps(path) for line in step.get("run", "").splitlines()]


def test_there_are_two() -> None:
    assert [path.name for path in FILES] == ["ci.yml", "nightly.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_job_has_a_limit_and_a_machine(path: Path) -> None:
    for job in read(path)["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 360
        assert job["runs-on"] == "ubuntu-latest"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_the_platforms_own_at_a_major_version(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    for each in used:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", each)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_commands_exist(path: Path) -> None:
    """Programs of this checkout, targets of make, subcommands of isomark with their options."""
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command().configure(subparsers.add_parser(name))
    seen = 0
    for line in lines(path):
        words = shlex.split(line.partition("||")[0])
        if words[:1] == ["make"]:
            assert re.search(rf"^{words[1]}:", MAKEFILE, re.MULTILINE)
            seen += 1
        elif words[:1] == [".venv/bin/isomark"]:
            parser.parse_args(words[1:])
            seen += 1
        elif words and words[0].startswith("."):
            assert os.access(CHECKOUT / words[0], os.X_OK)
            seen += 1
    assert seen


def test_the_makefile_calls_the_commands_with_options_they_take() -> None:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command().configure(subparsers.add_parser(name))
    called = re.findall(r"^\t@\$\(BIN\)/isomark (.+)$", MAKEFILE, re.MULTILINE)
    assert {line.split()[0] for line in called} == set(COMMANDS)
    for line in called:
        parser.parse_args(shlex.split(line))


def test_two_nights_cannot_overlap_and_a_change_replaces_the_one_before() -> None:
    assert read(FOLDER / "nightly.yml")["concurrency"] == {"group": "nightly", "cancel-in-progress": False}
    assert read(FOLDER / "ci.yml")["concurrency"]["cancel-in-progress"] is True


def test_when_they_run() -> None:
    assert set(read(FOLDER / "nightly.yml")["on"]) == {"schedule", "workflow_dispatch"}
    assert set(read(FOLDER / "ci.yml")["on"]) == {"push", "pull_request"}


def test_permissions_are_the_least_that_do() -> None:
    """A pull request can read; a night can write what it keeps; only the job that does nothing else writes Pages."""
    assert read(FOLDER / "ci.yml")["permissions"] == {"contents": "read"}
    night = read(FOLDER / "nightly.yml")
    assert night["permissions"] == {}
    assert night["jobs"]["night"]["permissions"] == {"contents": "write"}
    assert night["jobs"]["site"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert not any("run" in step for step in night["jobs"]["site"]["steps"])


def test_the_night_is_kept_whatever_its_end_and_the_job_ends_as_it_did() -> None:
    """The command's code is noted, the night is committed, and only then the job fails."""
    names = [step.get("name", step.get("uses")) for step in steps(FOLDER / "nightly.yml")]
    assert names.index("Run the night") < names.index("Keep the night") < names.index("End as the night did")
    run = next(step["run"] for step in steps(FOLDER / "nightly.yml") if step.get("name") == "Run the night")
    assert "|| code=$?" in run
    end = next(step["run"] for step in steps(FOLDER / "nightly.yml") if step.get("name") == "End as the night did")
    assert end == "exit ${{ steps.night.outputs.code }}"


def test_what_is_uploaded_is_what_the_commands_leave() -> None:
    uploaded = next(
        step["with"]["path"].split()
        for step in steps(FOLDER / "ci.yml")
        if step.get("uses", "").startswith("actions/upload-artifact")
    )
    assert uploaded == [f"out/report/{name}" for name in ("summary.md", "junit.xml", "ctrf.json", "index.html")]
    assert "--report=out/report" in MAKEFILE
    assert "--site=out/site" in (FOLDER / "nightly.yml").read_text()
    pages = next(s for s in steps(FOLDER / "nightly.yml") if s.get("uses", "").startswith("actions/upload-pages"))
    assert pages["with"]["path"] == "out/site"
