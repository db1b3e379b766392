"""What the engine takes from the operating system, as it was before gevent patched it.

`_socket` is never patched; epoll, threads and locks are asked back from gevent where it is at work. It is not imported.
"""

from __future__ import annotations

import _socket
import _thread
import contextlib
import ctypes
import gc
import importlib
import os
import resource
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import UsageError

SPARE_DESCRIPTORS = 128

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_EDGE = 1 << 31
_NS_PER_S = 1_000_000_000


def _original(module: str, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original(module, name)
    return getattr(importlib.import_module(module), name)


new_epoll: Callable[[], select.epoll] = _original("select", "epoll")
new_lock: Callable[[], _thread.LockType] = _original("_thread", "allocate_lock")
start_thread: Callable[[Callable[[], object], tuple[()]], int] = _original("_thread", "start_new_thread")
new_socket = _socket.socket


class _TimerSpec(ctypes.Structure):
    _fields_ = (
        ("every_s", ctypes.c_long),
        ("every_ns", ctypes.c_long),
        ("at_s", ctypes.c_long),
        ("at_ns", ctypes.c_long),
    )


class Timer:
    """A timerfd in an epoll. Its event is edge-triggered: nobody has to read it away."""

    def __init__(self, epoll: select.epoll) -> None:
        # PyDLL keeps the GIL: each call takes less than giving it up and taking it back.
        library = ctypes.PyDLL(None, use_errno=True)
        self._set = library.timerfd_settime
        self.fd: int = library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._spec = _TimerSpec()
        self._reference = ctypes.byref(self._spec)
        epoll.register(self.fd, select.EPOLLIN | _EDGE)

    def wake_at(self, at_ns: int) -> None:
        """One event at `at_ns` of CLOCK_MONOTONIC, instead of any set before; at once when that is past."""
        self._spec.at_s, self._spec.at_ns = divmod(at_ns, _NS_PER_S)
        self._set(self.fd, _ABSOLUTE, self._reference, None)

    def close(self) -> None:
        os.close(self.fd)


_descriptors_lock = new_lock()
_descriptors = {"promised": 0, "before": 0}


@contextlib.contextmanager
def descriptors(count: int) -> Iterator[None]:
    """Room for so many connections, beside those of all other engines of the process and whatever is open already.

    Raises the process's soft limit where needed, and `UsageError` when the hard limit is in the way.
    """
    with _descriptors_lock:
        opened = sum(1 for _ in Path("/proc/self/fd").iterdir())
        if not _descriptors["promised"]:
            _descriptors["before"] = opened
        # What was promised to another engine may not be open yet, and what is open may be nobody's.
        _allow(count, max(_descriptors["before"] + _descriptors["promised"], opened))
        _descriptors["promised"] += count
    try:
        yield
    finally:
        with _descriptors_lock:
            _descriptors["promised"] -= count


def _allow(count: int, others: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = others + count + SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise UsageError(
            f"{count} connections need more open files than this process may have ({hard}), beside {others} others",
            expected=f"at least {wanted}",
            remedy="use fewer connections, or raise the limit with `ulimit -n`",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


SWITCH_INTERVAL_S = 0.0001
"""How long another Python thread may keep an engine waiting that has news; Python's own 5 ms would be a latency."""

_engines_lock = new_lock()
_engines: dict[str, float] = {"running": 0, "collecting": 0, "switch_interval_s": 0}


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While any engine of this process runs: no garbage collection, which stops all for milliseconds, and short turns.

    Both are the whole process's, and as they were when the last engine has ended.
    """
    with _engines_lock:
        if not _engines["running"]:
            _engines.update(collecting=gc.isenabled(), switch_interval_s=sys.getswitchinterval())
            gc.disable()
            sys.setswitchinterval(SWITCH_INTERVAL_S)
        _engines["running"] += 1
    try:
        yield
    finally:
        with _engines_lock:
            _engines["running"] -= 1
            if not _engines["running"]:
                sys.setswitchinterval(_engines["switch_interval_s"])
                if _engines["collecting"]:
                    gc.enable()
