"""A report says what it was made on and nothing private."""

import getpass
import json
import os
import socket
import sys
import threading
from pathlib import Path

from harness import environment
from harness.toolchain import CHECKOUT


def private_words():
    found = {socket.gethostname(), os.environ.get("HOME", ""), str(Path.home()), str(CHECKOUT), str(Path.cwd())}
    return {word for word in found if len(word) > 3} | {sys.prefix, sys.executable}


def test_the_environment_is_not_private():
    """No host name, user name, home or other folder is in it."""
    text = json.dumps(environment.capture())
    assert not [word for word in private_words() if word in text]
    assert getpass.getuser() not in environment.capture().values()
    assert not [value for value in environment.capture().values() if isinstance(value, str) and value.startswith("/")]


def test_the_environment_says_what_a_figure_needs():
    """Processor, cores, memory, limits, kernel, Python and packages are there, as JSON holds them."""
    found = environment.capture()
    assert json.loads(json.dumps(found)) == found
    assert found["cores"] >= found["cores_usable"] >= 1
    assert found["memory_bytes"] > 1 << 20
    assert found["packages"]["pytest"]
    assert {"cpu", "kernel", "system", "architecture", "python", "cgroup_limits", "governor"} <= set(found)


def test_the_command_can_be_repeated(monkeypatch):
    """The command is spelt as one would type it in the checkout, without the machine's folders."""
    words = [f"{CHECKOUT}/.venv/lib/pytest/__main__.py", f"{CHECKOUT}/conformance", "--runtime=node", "-q"]
    monkeypatch.setattr(sys, "argv", words)
    command = environment.command_line()
    assert command.endswith("pytest conformance --runtime=node -q")
    assert str(CHECKOUT) not in command


def test_the_command_keeps_other_folders_private(monkeypatch):
    """A report folder elsewhere is named by its last part."""
    monkeypatch.setattr(sys, "argv", ["pytest", "--report=/home/somebody/out", "--runtime=node"])
    assert environment.command_line() == "pytest --report=out --runtime=node"


def test_outside_a_checkout_the_commit_is_unknown(monkeypatch, tmp_path):
    """Without git's word the tree counts as changed."""
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.commit() == ("unknown", True)


def test_busy_share_sees_a_busy_core():
    """A share between idle and full, and never less than what this process itself burns on one core."""
    over = threading.Event()

    def burn():
        while not over.is_set():
            sum(range(1000))

    burner = threading.Thread(target=burn)
    burner.start()
    share = environment.busy_share(0.5)
    over.set()
    burner.join()
    assert 0.5 / (os.cpu_count() or 1) < share <= 1
