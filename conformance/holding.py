"""Having a probe hold memory, and knowing how much it held when it was cut off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from conformance.asking import ask
from harness.errors import ConnectionLost, Unanswered
from harness.runtime import Instance, Request

LIMIT_MIB = 128

SERVED_MIB = 96
"""Well below the limit, with room for the runtime's own."""

PAST_MIB = 320
"""Two and a half times the limit: what holds this much is not limited to 128 MB."""

HOLD_DEADLINE_S = 180.0
"""Safety deadline: to fill the largest heap there is takes a busy machine a minute."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """How much a Worker held for certain, and how that ended: "served", or why not."""

    mib: int
    ending: str

    @property
    def served(self) -> bool:
        return self.ending == "served"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What one request came to that took memory beside others. Of an answered one: its isolate's `nonce`; `met`: how
    many requests were inside; `holding`: how many held theirs at once."""

    ending: str
    nonce: str = ""
    met: int = 0
    holding: int = 0

    @property
    def served(self) -> bool:
        return self.ending == "served"


def probe_of(kind: str) -> str:
    """The probe that takes memory of that kind: a WebAssembly module's own needs one with a module."""
    return "grown" if kind == "grown" else "memory"


def take(instance: Instance, kind: str, mib: int) -> Held:
    """Have a Worker hold so much, saying after each MiB that it does.

    Raises `RuntimeDied` and `DeadlineExceeded`: neither the end of everything nor a hang is the stop of one isolate.
    """
    request = Request(path=f"/hold?kind={kind}&mib={mib}")
    try:
        answer = instance.fetch(probe_of(kind), request, deadline_s=HOLD_DEADLINE_S)
    except ConnectionLost as error:
        return _held(error.partial, mib, error.happened)
    return _held(answer.body, mib, "" if answer.status == 200 else f"status {answer.status}")


def hold(instance: Instance, kind: str, mib: int) -> tuple[int, str]:
    """The same for who does not mind what ended it: how much was held for certain, and "served" or why not."""
    try:
        held = take(instance, kind, mib)
    except Unanswered as error:
        held = _held(error.partial, mib, error.happened)
    return held.mib, held.ending


def keep(instance: Instance, kind: str, mib: int, *, together: int = 1, meeting: str = "alone") -> Kept:
    """Have a Worker hold so much, without a word before the end, once `together` requests are inside its isolate.

    Each meeting needs a name of its own. Raises as `take` does.
    """
    path = f"/keep?kind={kind}&mib={mib}&together={together}&round={meeting}"
    try:
        answer = instance.fetch("memory", Request(path=path), deadline_s=HOLD_DEADLINE_S)
    except ConnectionLost as error:
        return Kept(ending=error.happened)
    if answer.status != 200:
        return Kept(ending=f"status {answer.status}: {answer.text[:100]}")
    said = answer.json()
    ending = "served" if said["held"] == mib else f"met {said['met']} of {together} requests"
    return Kept(ending=ending, nonce=said["nonce"], met=said["met"], holding=said["holding"])


def keep_together(instance: Instance, kind: str, mib: int, together: int, meeting: str) -> tuple[Kept, ...]:
    """So many of these at once."""
    with ThreadPoolExecutor(together) as pool:
        return tuple(pool.map(lambda _: keep(instance, kind, mib, together=together, meeting=meeting), range(together)))


def nonce_of(instance: Instance) -> str:
    """The isolate of the probe "memory" that answers now. Raises `PromiseBroken` when none does."""
    return str(ask(instance, "memory", "/")["nonce"])


def _held(body: bytes, mib: int, ending: str) -> Held:
    """What the lines of an answer say, which may have broken off."""
    lines = body.decode("utf-8", "replace").splitlines()
    last = lines[-1] if lines else ""
    if last == f"held {mib}":
        return Held(mib=mib, ending="served")
    mib = max((int(line) for line in lines if line.isdigit()), default=0)
    return Held(mib=mib, ending=ending or last or "an empty answer")
