"""What the kernel counts for a container is found in either version of control groups. Needs no engine."""

import os

import pytest

from harness.adapters.container import cgroup

MIXED = """\
5:memory:/engine/c1
4:cpu,cpuacct:/engine/c1
0::/engine/c1
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A /proc and mounts of control groups, given as text, over folders that are there."""

    def make(groups, **mounts):
        lines = [f"{kind} {tmp_path / name} {kind} {options} 0 0" for name, (kind, options) in mounts.items()]
        read = cgroup._read
        known = {"/proc/7/cgroup": groups, "/proc/self/mounts": "\n".join(["proc /proc proc rw 0 0", *lines])}
        monkeypatch.setattr(cgroup, "_read", lambda path: known.get(str(path)) or read(path))
        for name in mounts:
            (tmp_path / name / "engine" / "c1").mkdir(parents=True)
        return lambda name, file, text: (tmp_path / name / "engine" / "c1" / file).write_text(text)

    return make


def test_version_2(kernel):
    """One folder has everything."""
    write = kernel("0::/engine/c1\n", whole=("cgroup2", "rw"))
    write("whole", "cgroup.procs", "7\n9\n")
    write("whole", "cpu.stat", "usage_usec 1500\nuser_usec 1000\n")
    write("whole", "memory.events", "low 0\noom 3\noom_kill 1\noom_group_kill 0\n")
    found = cgroup.of(7)
    assert (found.pids(), found.cpu_ns(), found.oom_kills()) == ((7, 9), 1_500_000, 1)


def test_version_1_beside_an_empty_version_2(kernel):
    """Each controller has a folder of its own; the unified one beside them counts nothing."""
    write = kernel(
        MIXED, memory=("cgroup", "rw,memory"), cpu=("cgroup", "rw,cpu,cpuacct"), unified=("cgroup2", "rw,nsdelegate")
    )
    write("memory", "cgroup.procs", "7\n")
    write("memory", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    write("cpu", "cpuacct.usage", "123456\n")
    found = cgroup.of(7)
    assert (found.pids(), found.cpu_ns(), found.oom_kills()) == ((7,), 123_456, 2)


def test_what_cannot_be_read_is_not_known(kernel):
    """A kernel that tells nothing, or a container that is gone, is no container without memory kills."""
    kernel("0::/engine/c1\n", whole=("cgroup2", "rw"))
    found = cgroup.of(7)
    assert (found.pids(), found.cpu_ns(), found.oom_kills()) == ((), None, None)
    nothing = cgroup.of(999_999_999)
    assert (nothing.pids(), nothing.cpu_ns(), nothing.oom_kills()) == ((), None, None)


def test_this_process():
    """On the machine this runs on, the files are where they are looked for."""
    found = cgroup.of(os.getpid())
    if found.processes is None:
        pytest.skip("control groups are not mounted here")
    assert os.getpid() in found.pids()
