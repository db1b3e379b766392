"""BND-1, second half: a Worker has its bindings and nothing else of the platform around it."""

from __future__ import annotations

import secrets
from pathlib import Path

from conformance.asking import ask
from conformance.kernel import environment
from conformance.mark import requirement
from harness.judging import Judge, Launcher
from harness.runtime import Processes

GIVEN = {"PLAIN"}
"""What conformance/workers/surface/wrangler.jsonc puts into env. A runtime may show the same as process.env."""


@requirement("BND-1")
def test_host_environment_is_out_of_reach(launch: Launcher, judge: Judge) -> None:
    """What passes for environment variables in a Worker holds its own vars at most, never the host's."""
    instance = launch("surface")
    entries = ask(instance, "surface", "/environment")
    judge.saw("environment variables in the Worker", sorted(entries))
    foreign = sorted(set(entries) - GIVEN)
    judge.promise(not foreign, expected=f"no variables but {sorted(GIVEN)}", saw=foreign)
    # That nothing was seen says something only where there was something to see.
    hosts = sorted(environment(instance.instrument(Processes).pids()))
    judge.control(bool(hosts), expected="the runtime's processes to have environment variables", saw=hosts)


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
