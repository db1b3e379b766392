"""Processes and folders are watched from before they begin until after they are gone."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import process as process_module
from harness import reaper
from harness.errors import NotReadyError, StartError, ToolchainError
from harness.footprint import Footprint, leaving_nothing
from harness.kit_workers import project
from harness.process import MARK, Supervised, instance_folder
from harness.registry import resolve
from harness.runtime import Conditions, Ledger, Request
from tests.child_run import Child

SHELL = "/bin/sh"


def shell(script, folder, **settings):
    return Supervised("shell", [SHELL, "-c", script], log=folder / "log", memory_guard_bytes=1 << 30, **settings)


@contextlib.contextmanager
def talking(script, folder):
    """A shell whose script knows the readiness pipe as READY; yields it and the reading end."""
    reading, writing = os.pipe()
    try:
        with shell(script.replace("READY", f"/dev/fd/{writing}"), folder, pass_fds=[writing]) as process:
            os.close(writing)
            writing = -1
            yield process, reading
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def test_ready_is_a_line(tmp_path):
    """Lines are handed over whole, one by one, until one is the word."""
    said = []
    script = "printf 'o' >READY; printf 'ne\\ntwo\\nthree\\n' >READY; sleep 60"
    with talking(script, tmp_path) as (process, reading):
        process.await_ready(reading, lambda line: said.append(line) or line == "two")
        assert process.alive()
    assert said == ["one", "two"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo last words; exit 7", "ended with code 7 before it was ready"),
        ("kill -SEGV $$", "was killed by SIGSEGV before it was ready"),
        ("kill -40 $$", "was killed by signal 40 before it was ready"),
        (
            f"exec {sys.executable} -ISc 'import os, time; os.closerange(3, 99); time.sleep(60)'",
            "closed its readiness descriptor before it was ready",
        ),
    ],
)
def test_an_end_before_the_word_is_a_start_error(tmp_path, script, words):
    """How it ended is said: by code, by signal, or by closing the pipe while it lives on."""
    with talking(script, tmp_path) as (process, reading), pytest.raises(StartError, match=words):
        process.await_ready(reading, lambda _line: False)


@pytest.mark.parametrize("script", ["sleep 60", "exec yes >READY"])
def test_the_deadline_holds(tmp_path, script):
    """One that is silent and one that talks without end are both given up, and say so."""
    with talking(script, tmp_path) as (process, reading), pytest.raises(NotReadyError, match=r"within 0\.3 s"):
        process.await_ready(reading, lambda _line: False, deadline_s=0.3)


def test_what_the_log_means_is_asked(tmp_path):
    """An adapter may know better than "it did not start" from the log."""
    refusal = StartError("it wants more")
    with talking("echo too little; exit 1", tmp_path) as (process, reading), pytest.raises(StartError) as caught:
        process.await_ready(reading, lambda _line: False, refused=lambda log: refusal if "too little" in log else None)
    assert caught.value is refusal


def test_a_program_that_is_not_there_is_a_toolchain_error(tmp_path):
    """Nothing is started for it."""
    with leaving_nothing(tmp_path / "tmp"), pytest.raises(ToolchainError, match="/no/such is not a program"):
        Supervised("x", ["/no/such"], log=tmp_path / "log", memory_guard_bytes=1 << 30)


def test_the_whole_group_ends(tmp_path):
    """Children and grandchildren go with the process, also when it has gone before them."""
    script = "sleep 60 & sh -c 'sleep 60 & echo inner; wait' & echo $!; "
    for ending in ("wait", "exit 0"):
        (tmp_path / "log").unlink(missing_ok=True)
        with shell(f"(exec sleep 600) & echo $!; {script} {ending}", tmp_path) as process:
            _wait_for(lambda: (tmp_path / "log").exists() and "inner" in (tmp_path / "log").read_text())
            if ending == "exit 0":
                assert process.ended_within(20)
            assert reaper.group_lives(process.pid)
        assert not reaper.group_lives(process.pid)


def test_an_ended_process_keeps_its_id_until_it_is_stopped(tmp_path):
    """Nobody else can be given the id that stop() will kill."""
    with shell("exit 3", tmp_path) as process:
        assert process.ended_within(20)
        assert not process.alive()
        assert "ended with code 3" in str(process.died())
        assert Path(f"/proc/{process.pid}").exists()
    assert not Path(f"/proc/{process.pid}").exists()
    assert "ended with code 3" in str(process.died())
    process.stop()


def test_the_environment_holds_what_was_given_and_a_mark(tmp_path):
    """A runtime sees nothing of the suite's environment but what it is given; there is always something to see."""
    with shell("env; echo done", tmp_path, environment={"GIVEN": "1"}) as process:
        assert process.ended_within(20)
        names = {line.partition("=")[0] for line in process.log_tail(50).splitlines()}
    assert names >= {"GIVEN", *MARK}
    assert names <= {"GIVEN", *MARK, "PWD", "SHLVL", "_", "done", "OLDPWD"}


def test_the_memory_guard_holds(tmp_path):
    """A process that takes more than the guard allows is refused the memory, not the machine."""
    script = "data = bytearray(600 << 20); print('taken')"
    guarded = Supervised("greedy", [sys.executable, "-c", script], log=tmp_path / "log", memory_guard_bytes=256 << 20)
    with guarded as process:
        assert process.ended_within(60)
        assert "MemoryError" in process.log_tail()


def test_many_descriptors_do_not_matter(tmp_path):
    """Readiness works when descriptors have numbers above 1023, where select() does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("the hard limit on descriptors is too low to try")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            application, _ = project(tmp_path)
            conditions = Conditions(instruments=frozenset({Ledger}))
            with resolve("workerd").launch(application, conditions) as instance:
                mark = instance.instrument(Ledger).mark()
                instance.fetch("hello", Request())
                assert len(instance.instrument(Ledger).since(mark, worker="hello")) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("runtime", ["workerd", "node"])
def test_twenty_launches_leave_no_descriptor(runtime, tmp_path):
    """As many descriptors, threads, processes and files after twenty launches, half of them refused, as before."""
    application, _ = project(tmp_path)
    broken, _ = project(tmp_path, source="export default {")
    adapter = resolve(runtime)
    folder = tmp_path / "tmp"
    with adapter.launch(application):
        pass
    with leaving_nothing(folder):
        before = Footprint.now(folder)
        for _ in range(10):
            with adapter.launch(application) as instance:
                instance.fetch("hello", Request())
            with contextlib.suppress(StartError, Exception), adapter.launch(broken):
                pass
        assert Footprint.now(folder).beyond(before) == []


def test_launches_in_many_threads_do_not_mix(tmp_path):
    """Eight launches at once, each with its own processes and folder, leave nothing."""
    adapter = resolve("node")

    def one(number):
        application, mark = project(tmp_path / str(number))
        with adapter.launch(application) as instance:
            return instance.fetch("hello", Request()).text == f"hello, {mark}"

    with adapter.launch(project(tmp_path)[0]):
        pass
    with leaving_nothing(tmp_path / "tmp"), ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(8)))


def test_a_folder_is_private_and_goes(tmp_path, monkeypatch):
    """Nobody else can read an instance's folder, and it goes with what is in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with instance_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep" / "deeper").mkdir(parents=True)
        (folder / "deep" / "file").touch()
    assert list(tmp_path.iterdir()) == []


STRANGE = """
import os, time
from harness.process import Supervised, instance_folder
from pathlib import Path

with instance_folder() as folder:
    with Supervised("s", ["/bin/sh", "-c", "sleep 600 & sleep 600"], log=folder / "log", memory_guard_bytes=1 << 30):
        print("go", flush=True)
        ACT
        time.sleep(600)
"""


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("with a\nline\\break ü", ""),
        ("forked", "os.fork() or time.sleep(600)"),
    ],
)
def test_the_reaper_takes_strange_cases(tmp_path, name, act):
    """A folder's name with a line break harms no other folder; a forked child that lives on keeps nothing alive."""
    place = tmp_path / name
    bystander = tmp_path / "with a"
    bystander.mkdir()
    with Child(place, [sys.executable, "-c", STRANGE.replace("ACT", act or "pass")], {}) as child:
        child.wait_until(lambda: "go" in child.output(), "the child to begin")
        child.wait_until(lambda: len(_sleeping(child)) == 2, "both to sleep")
        child.process.kill()
        child.ended()
        child.wait_until(lambda: not _sleeping(child), "the processes to be gone")
        child.wait_until(lambda: not list(child.temporary.iterdir()), "the folder to be gone")
    assert bystander.exists()


def test_a_reaper_that_was_killed_is_replaced(tmp_path):
    """What begins after somebody ended the reaper is watched by a new one."""
    script = """
import os, signal, sys
from pathlib import Path
from harness.process import instance_folder
with instance_folder():
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    os.waitpid(int(children[0]), 0)
with instance_folder() as folder:
    print("go", folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with Child(tmp_path / "child", [sys.executable, "-c", script], {}) as child:
        assert child.ended() == -signal.SIGKILL
        assert "go" in child.output()
        child.wait_until(lambda: not child.leftovers(), "the folder to be gone")


def test_a_reused_id_is_not_killed(tmp_path):
    """The reaper kills only the process it was told of: one that has the id by now and began later is left alone."""
    bystander = subprocess.Popen([SHELL, "-c", "sleep 60"], start_new_session=True)
    try:
        processes = {bystander.pid: "1"}  # began at another time
        assert reaper.start_time(bystander.pid) not in ("", processes[bystander.pid])
        lines = f"P {bystander.pid}\np {bystander.pid}\nP x\nnonsense\n\nP 999999999\n"
        done = subprocess.run(
            [sys.executable, "-I", "-S", process_module.__file__.replace("process.py", "reaper.py")],
            input=lines.encode() + f"D {tmp_path / 'gone'}\n".encode(),
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert bystander.poll() is None
    finally:
        os.killpg(bystander.pid, signal.SIGKILL)
        bystander.wait()


def _sleeping(child):
    return [pid for pid in child.processes() if _command(pid) == b"sleep\x00600\x00"]


def _command(pid):
    """The words of a process; nothing when it has ended since it was found."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _wait_for(holds):
    waited = threading.Event()
    for _ in range(2000):
        if holds():
            return
        waited.wait(0.01)
    raise AssertionError("it did not come")
