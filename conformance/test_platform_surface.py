"""BND-1, second half: a Worker has its bindings and nothing else of the platform around it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from conformance.asking import ask
from conformance.mark import requirement
from harness.judging import Judge, Launcher

GIVEN = {"PLAIN"}
"""What conformance/workers/surface/wrangler.jsonc puts into env. A runtime may show the same as process.env."""


@requirement("BND-1")
def test_host_environment_is_out_of_reach(launch: Launcher, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes for environment variables in a Worker holds its own vars at most, never the host's."""
    marker = secrets.token_hex(8)
    monkeypatch.setenv("ISOMARK_HOST_MARKER", marker)
    entries = ask(launch("surface"), "surface", "/environment")
    judge.saw("environment variables in the Worker", sorted(entries))
    judge.control(
        os.environ["ISOMARK_HOST_MARKER"] == marker, expected="a variable in the environment of the suite", saw="set"
    )
    foreign = sorted(set(entries) - GIVEN)
    leaked = [name for name, value in entries.items() if marker in str(value)]
    judge.promise(
        not foreign and not leaked,
        expected=f"no variables but {sorted(GIVEN)}",
        saw=f"{foreign}; the planted one: {leaked}",
    )


@requirement("BND-1")
def test_host_files_are_out_of_reach(launch: Launcher, judge: Judge, tmp_path: Path) -> None:
    """No module, global or URL lets a Worker read a file of the machine it runs on."""
    token = secrets.token_hex(16)
    file = tmp_path / "planted.mjs"
    file.write_text(f'export default "{token}";\n', encoding="utf-8")
    outcomes = ask(launch("surface"), "surface", "/read", query={"path": str(file)})
    judge.saw("what each way to the file came to", {way: _without(token, text) for way, text in outcomes.items()})
    judge.control(token in file.read_text(encoding="utf-8"), expected="a readable file on the machine", saw="planted")
    read = [way for way, text in outcomes.items() if token in text]
    judge.promise(not read, expected="no way to the host's files", saw="the file was read by " + ", ".join(read))


@requirement("BND-1")
def test_host_programs_are_out_of_reach(launch: Launcher, judge: Judge) -> None:
    """No module or global lets a Worker start a program of the machine it runs on."""
    word = secrets.token_hex(16)
    outcomes = ask(launch("surface"), "surface", "/run", query={"word": word})
    judge.saw("what each way to a program came to", {way: _without(word, text) for way, text in outcomes.items()})
    ran = [way for way, text in outcomes.items() if word in text]
    judge.promise(not ran, expected="no way to start a program", saw="a program was started by " + ", ".join(ran))


@requirement("BND-1")
def test_bindings_are_not_global(launch: Launcher, judge: Judge) -> None:
    """A binding is a property of env alone: the global object has nothing under its name."""
    instance = launch("surface")
    names = ("PLAIN", "crypto")
    found = ask(instance, "surface", "/globals?" + "&".join(f"name={name}" for name in names))
    judge.saw("found on the global object", found)
    judge.control("crypto" in found, expected="a name that is global to be found", saw=found)
    judge.promise("PLAIN" not in found, expected="nothing under a binding's name", saw=found)


def _without(token: str, text: str) -> str:
    return text.replace(token, "(what was planted)")[:200]
