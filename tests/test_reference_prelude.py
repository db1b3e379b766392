"""The reference runtime's prelude: what a Worker's code and the isolate host say to each other.

The checks themselves are JavaScript, in `reference_prelude/checks/`: each makes isolates with the real prelude and
plays their host.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from harness import toolchain

FOLDER = Path(__file__).parent / "reference_prelude"
LONGEST_S = 300
"""A safety deadline: all checks together take some seconds."""

TITLE = re.compile(r'^  async (?:"((?:[^"\\]|\\.)+)"|(\w+))\(\) \{$', re.MULTILINE)


def names() -> list[str]:
    """Every check, as the script names it."""
    found = []
    for file in sorted((FOLDER / "checks").glob("*.js")):
        for quoted, bare in TITLE.findall(file.read_text(encoding="utf-8")):
            found.append(f"{file.stem}: {quoted or bare}")
    return found


@cache
def outcomes(prelude: str) -> dict[str, str | None]:
    """What each check came to: None, or what went wrong."""
    command: list[str | Path] = [toolchain.node(), "--no-node-snapshot", FOLDER / "run.js", toolchain.node_modules()]
    environment = {**os.environ, "ISOMARK_PRELUDE": prelude}
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False, env=environment)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told, done.stderr
    return {each["name"]: each["failure"] for each in told}


def test_every_check_is_known_here() -> None:
    """No check of the script is left out, none is run twice."""
    assert sorted(outcomes("usual")) == sorted(names())


@pytest.mark.parametrize("prelude", ["usual", "lean"])
@pytest.mark.parametrize("name", names())
def test_prelude(name: str, prelude: str) -> None:
    """The check finds what it expects; with "lean", in pieces of the prelude, however many the Worker needs."""
    failure = outcomes(prelude)[name]
    assert failure is None, failure
