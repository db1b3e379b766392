"""What a container says, prints and how it ends is taken as it comes. A plain process plays it; needs no engine."""

import contextlib
import errno
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from harness.adapters.container import watch as watch_module
from harness.adapters.container.sockets import listening_on
from harness.adapters.container.watch import LOG_LINES, LONGEST_LINE, Watch
from harness.adapters.node.handler import Begun
from harness.errors import EngineError, StartError

DEADLINE_S = 30.0

PLAYS = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(sys.stdin.buffer.read())
"""

BEGUN = b'{"event":"begun","number":%d,"beganNs":1,"cpuNs":2}\n'


@contextlib.contextmanager
def watching(folder):
    """A watch, the words it took, the deaths it saw, and the other end of what it reads as the container's output."""
    words, deaths = [], []
    ours, theirs = socket.socketpair()
    with ours, theirs, listening_on(folder / "s") as listener:
        watch = Watch(listener, ours, words.append, deaths.append)
        try:
            yield watch, words, deaths, theirs
        finally:
            watch.close()


def play(folder, said):
    """A process that connects, says that, and ends; its id."""
    with subprocess.Popen([sys.executable, "-c", PLAYS, str(folder / "s")], stdin=subprocess.PIPE) as process:
        process.communicate(said, timeout=DEADLINE_S)
    return process.pid


@pytest.fixture
def folder(tmp_path):
    if len(str(tmp_path)) > 90:
        pytest.skip("the temporary folder's name is too long for a socket")
    return tmp_path


def test_words_come_before_the_death(folder):
    """All that a process said in its last moment is taken before its end is told; its id is the kernel's word."""
    with watching(folder) as (watch, words, deaths, _):
        pid = play(folder, b"".join(BEGUN % number for number in range(500)))
        assert watch.await_change(lambda: bool(deaths), DEADLINE_S)
        assert [word.number for word in words] == list(range(500))
        assert all(isinstance(word, Begun) for word in words)
        assert watch.pid == pid
        assert watch.pids() == ()
        assert watch.death is deaths[0]


def test_a_process_that_is_gone_before_it_is_looked_at(folder):
    """It ended while nobody looked: its words are taken first all the same."""
    with watching(folder) as (watch, words, deaths, _):
        at_death = []
        watch._died = lambda death: (at_death.append(len(words)), deaths.append(death))
        with watch.changed:
            play(folder, BEGUN % 1 + BEGUN % 2)
        assert watch.await_change(lambda: bool(deaths), DEADLINE_S)
        assert at_death == [2]


@pytest.mark.parametrize(
    ("code", "pid", "said"),
    [
        (errno.EINVAL, 0, "another namespace"),  # as the kernel names a process that this namespace does not have
        (errno.EMFILE, None, "Too many open files"),
    ],
)
def test_a_process_that_cannot_be_followed_is_no_death(folder, monkeypatch, code, pid, said):
    """It is told as what it is, before anything that the process said: nobody would see it end."""
    peer = watch_module._PEER

    class _Peer:
        size = peer.size

        @staticmethod
        def unpack(found):
            return (peer.unpack(found)[0] if pid is None else pid, 0, 0)

    def fail(_pid):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(watch_module, "_PEER", _Peer)
    monkeypatch.setattr(os, "pidfd_open", fail)
    with watching(folder) as (watch, words, deaths, _):
        play(folder, BEGUN % 1)
        assert watch.await_change(lambda: watch.wrong is not None, DEADLINE_S)
        assert isinstance(watch.wrong, EngineError)
        assert said in str(watch.wrong)
        assert (watch.death, deaths, words, watch.pids()) == (None, [], [], ())


def test_what_the_script_does_not_say_is_an_error(folder):
    """Kept for whoever waits for the container; the words around it are taken."""
    with watching(folder) as (watch, words, deaths, _):
        play(folder, BEGUN % 1 + b"nonsense\n" + BEGUN % 2)
        assert watch.await_change(lambda: bool(deaths), DEADLINE_S)
        assert isinstance(watch.wrong, StartError)
        assert [word.number for word in words] == [1, 2]


def test_output_is_lines_however_it_is_cut(folder):
    """The engine sends pieces of both streams with a head each; they may come byte by byte."""
    with watching(folder) as (watch, _, _, theirs):
        pieces = [(1, b"one\ntw"), (2, b"o\n"), (1, "drei ü\n".encode()), (2, b"x" * 1000 + b"\nlast")]
        whole = b"".join(struct.pack(">BxxxI", stream, len(piece)) + piece for stream, piece in pieces)
        for byte in whole:
            theirs.send(bytes([byte]))
        assert watch.await_change(lambda: watch.log_tail(9).endswith("last"), DEADLINE_S)
        assert watch.log_tail(9).splitlines() == ["one", "two", "drei ü", "x" * LONGEST_LINE, "last"]
        theirs.shutdown(socket.SHUT_WR)
        assert watch.await_change(lambda: watch.silent, DEADLINE_S)


def test_a_flood_does_not_stay(folder):
    """A container that prints without end is read without end, and its last lines are kept."""
    with watching(folder) as (watch, _, _, theirs):
        for number in range(2000):
            line = f"line {number}\n".encode()
            theirs.sendall(struct.pack(">BxxxI", 1, len(line)) + line)
        assert watch.await_change(lambda: "line 1999" in watch.log_tail(5), DEADLINE_S)
        assert len(watch.log_tail(10_000).splitlines()) < LOG_LINES


def test_the_lifeline_closes_with_the_watch(folder):
    """What holds on to it sees the end when the suite lets go."""
    with socket.socket(socket.AF_UNIX) as connection:
        with watching(folder) as (watch, _, _, _):
            connection.connect(str(folder / "s"))
            assert watch.await_change(lambda: watch.pid is not None, DEADLINE_S)
            assert watch.pids()[0] == int(Path("/proc/self").readlink().name)
        connection.settimeout(DEADLINE_S)
        assert connection.recv(1) == b""
