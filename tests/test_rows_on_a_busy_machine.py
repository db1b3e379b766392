"""Single rows on played machines that stop a process for a while: neither is a kept promise taken for a broken one by
that, nor a broken one for kept."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx
import msgspec
import pytest

from conformance import fate
from conformance.burning import Ending
from conformance.fate import Neighbour
from conformance.kernel import Usage
from conformance.origin import serving
from conformance.test_concurrency import test_timers_overlap as timers_overlap
from conformance.test_cpu_limits import test_configured_limit_lowers as configured_limit_lowers
from conformance.test_cpu_records import test_both_times_are_recorded as both_times
from conformance.test_cpu_records import test_waiting_is_not_billed as waiting_is_not_billed
from conformance.test_cpu_waiting import test_waiting_for_a_timer_is_not_cpu as timer_is_not_cpu
from conformance.test_cpu_waiting import test_waiting_is_never_stopped as waiting_is_never_stopped
from conformance.test_eviction import test_isolate_with_a_request_is_not_evicted as request_keeps_its_isolate
from conformance.test_scale_out import ATTEMPTS, Beside
from conformance.test_scale_out import test_heavy_load_is_spread as load_is_spread
from conformance.test_scale_out import test_light_request_does_not_wait_for_a_heavy_one as light_does_not_wait
from conformance.test_scale_out import test_workers_compute_beside_each_other as compute_beside
from conformance.test_shared_fate import test_neighbour_is_served_beside_a_spin as beside_a_spin
from harness.errors import ControlFailed, PromiseBroken
from harness.runtime import IdleEviction, Invocation, Ledger, Outbound, Outcome, Plan, Processes, Request, Response
from tests.played import Play, Played, PlayedProcesses, judged

Raised = type[Exception] | None


def expecting(raised: Raised) -> contextlib.AbstractContextManager[object]:
    return pytest.raises(raised) if raised else contextlib.nullcontext()


Given = TypeVar("Given")


def as_given(given: Iterable[Given]) -> Callable[..., Given]:
    """One after the other, and then always the last."""
    values = list(given)
    following = itertools.chain(values, itertools.repeat(values[-1]))
    return lambda *_args, **_options: next(following)


def answering(**answer: object) -> Play:
    return lambda *_: msgspec.json.encode(answer)


class PlayedLedger(Ledger):
    """As many records as there were requests, with times as given: of CPU and on the wall, in ms."""

    def __init__(self, times_ms: Iterable[tuple[float, float]]) -> None:
        self._next = as_given(times_ms)
        self._records: list[Invocation] = []

    def mark(self) -> int:
        return len(self._records)

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        while len(self._records) < mark + at_least:
            cpu_ms, wall_ms = self._next()
            self._records.append(
                Invocation(worker=worker, event="fetch", outcome=Outcome.OK, cpu_time_ms=cpu_ms, wall_time_ms=wall_ms)
            )
        return tuple(self._records[mark:])


WORK, WAITED = (20.0, 20.0), (20.0, 520.0)
STOPPED_AT_WORK = (720.0, 1020.0)  # an account that goes on while the thread has no core
WAIT_CHARGED = (520.0, 520.0)


@pytest.mark.parametrize(
    ("times_ms", "raised"),
    [
        ([WAITED], None),
        ([STOPPED_AT_WORK, WAITED], None),
        ([STOPPED_AT_WORK], PromiseBroken),
        ([WAIT_CHARGED], PromiseBroken),
        ([*[WAIT_CHARGED] * 2, (520.0, 1400.0), WAIT_CHARGED], PromiseBroken),
    ],
)
def test_both_times_are_told_apart_or_not_whatever_stops_a_request(
    times_ms: list[tuple[float, float]], raised: Raised
) -> None:
    with expecting(raised):
        judged(both_times, Played(answering(), {Ledger: PlayedLedger(times_ms)}))


@pytest.mark.parametrize(
    ("times_ms", "raised"),
    [
        ([WAITED], None),
        ([STOPPED_AT_WORK, WAITED], None),
        ([STOPPED_AT_WORK], PromiseBroken),
        ([WAIT_CHARGED], PromiseBroken),
    ],
)
def test_a_wait_is_charged_or_not_whatever_stops_a_request(
    times_ms: list[tuple[float, float]], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "conformance.test_cpu_waiting.Meter.usage", lambda _: Usage(cpu_ns=20_000_000, busiest_ns=0, held_back_ns=0)
    )
    instruments = {Ledger: PlayedLedger([*[WORK] * 3, *times_ms]), Processes: PlayedProcesses(0)}
    with expecting(raised):
        judged(timer_is_not_cpu, Played(answering(done=True), instruments))


@pytest.mark.parametrize(
    ("bills_ms", "raised"),
    [
        ([(20, 20, 80)], None),
        ([(20, 40, 160), (20, 20, 80)], None),  # the machine has become slower in the midst of it
        ([(40, 20, 80), (20, 20, 80)], None),  # or faster
        ([(20, 420, 80)], PromiseBroken),
        ([(20, 20, 20)], PromiseBroken),
    ],
)
def test_waiting_is_billed_or_not_whatever_the_machines_speed_does(
    bills_ms: list[tuple[float, float, float]], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = as_given([0.0, *itertools.chain(*bills_ms, *[bills_ms[-1]] * 6)])

    def account(*_: object) -> tuple[None, Invocation]:
        times = {"cpu_time_ms": 20.0, "wall_time_ms": 500.0, "billed_ms": told()}
        return None, Invocation(worker="cpu", event="fetch", outcome=Outcome.OK, **times)

    monkeypatch.setattr("conformance.test_cpu_records.account", account)
    with expecting(raised):
        judged(waiting_is_not_billed, Played(answering()))


@pytest.mark.parametrize(("statuses", "raised"), [([200], None), ([503, 200], None), ([503], PromiseBroken)])
def test_who_waits_is_stopped_or_not_whatever_little_work_costs(statuses: list[int], raised: Raised) -> None:
    status = as_given(statuses)

    class Waiting(Played):
        def fetch(self, _worker: str, _request: Request, **_: object) -> Response:
            time.sleep(2)  # the wait that is asked for
            return Response(status=status(), headers={}, body=b"{}")

    with expecting(raised):
        judged(waiting_is_never_stopped, Waiting(answering()), Plan.FREE)


@pytest.mark.parametrize(
    ("orders", "raised"),
    [([[50, 100, 150]], None), ([[150, 50, 100], [50, 100, 150]], None), ([[150, 100, 50]], PromiseBroken)],
)
def test_timers_overlap_or_not_whenever_they_were_set(orders: list[list[int]], raised: Raised) -> None:
    fired = as_given(orders)

    def play(_worker: str, request: Request) -> bytes:
        return msgspec.json.encode({"fired": [1] if request.path.endswith("ms=1") else fired()})

    with expecting(raised):
        judged(timers_overlap, Played(play))


@pytest.mark.parametrize(
    ("loads", "raised"),
    [
        ([(["a", "b"], True)], None),
        ([(["a", "a"], False), (["a", "a"], True), (["a", "b"], True)], None),
        ([(["a", "a"], True)], PromiseBroken),
        ([(["a", "a"], False)], ControlFailed),  # each had been answered before the next one was sent
    ],
)
def test_a_load_is_spread_or_not_only_where_it_came_at_once(
    loads: list[tuple[list[str], bool]], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = as_given(([{"nonce": nonce, "result": 1} for nonce in nonces], at_once) for nonces, at_once in loads)
    monkeypatch.setattr("conformance.test_scale_out.heavy_at_once", load)
    with expecting(raised):
        judged(load_is_spread, Played(answering(nonce="a", result=1)))


@pytest.mark.parametrize(
    ("loads", "raised"),
    [
        ([(["a", "b"], 0.1)], None),
        ([([], 0.0), (["b"], 0.1)], None),
        ([([], 0.9)], PromiseBroken),
        ([(["a"], 0.9)], PromiseBroken),
        ([([], 0.1)], ControlFailed),  # none was there while the heavy one computed
    ],
)
def test_a_light_request_waits_or_not_only_where_it_was_there(
    loads: list[tuple[list[str], float]], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = as_given(Beside(busy="a", beside=beside, waited=waited) for beside, waited in loads)
    monkeypatch.setattr("conformance.test_scale_out.light_beside_heavy", load)
    with expecting(raised):
        judged(light_does_not_wait, Played(answering(nonce="a")))


@pytest.mark.parametrize(
    ("together", "raised"),
    [
        ([(0.9, 0.0)], None),
        ([(0.0, 2.0), (0.0, 2.0), (0.0, 2.0), (0.9, 0.1)], None),
        ([(0.0, 2.0)], ControlFailed),
        ([(0.0, 0.0)], PromiseBroken),
        ([*[(0.0, 2.0)] * (ATTEMPTS - 1), (0.0, 0.1)], PromiseBroken),
    ],
)
def test_workers_compute_beside_each_other_or_not_only_where_they_had_cores(
    together: list[tuple[float, float]], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = as_given(together)

    class Watched:
        def __init__(self, _pids: object) -> None:
            self.total_ns, self.beside, self.held_back = 1, 0.0, 0.0

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_: object) -> None:
            if how[-1] != "idle":
                self.total_ns = 10
            if how[-1] == "together":
                self.beside, self.held_back = seen()

    how: list[str] = []

    def play(_worker: str, request: Request) -> bytes:
        how.append("idle" if request.path.endswith("divisions=1") else request.path.partition("how=")[2].split("&")[0])
        return b"[1,1]"

    monkeypatch.setattr("conformance.test_scale_out.ThreadWatch", Watched)
    with expecting(raised):
        judged(compute_beside, Played(play, {Processes: PlayedProcesses(0)}), "fetch")


def neighbour(silent_ms: float) -> tuple[float, Neighbour]:
    return silent_ms / 600, Neighbour(
        **{"alone_ms": 400.0, "typical_ms": 2.0, "worst_ms": silent_ms, "silent_ms": silent_ms, "answers": 9},
        **{"failures": (), "other_took_ms": 600.0, "other_ended": "status 200"},
    )


@pytest.mark.parametrize(("silent_ms", "raised"), [([5.0], None), ([550.0, 5.0], None), ([605.0], PromiseBroken)])
def test_a_neighbour_is_served_or_not_whatever_stops_its_client(
    silent_ms: list[float], raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.test_shared_fate.beside_a_spin", as_given(map(neighbour, silent_ms)))
    with expecting(raised):
        judged(beside_a_spin, Played(answering(nonce="n")))


def test_a_neighbour_that_gets_no_turn_is_silent_however_late_its_client_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is stopped for most of the time in which the neighbour is blocked, and waits little itself."""
    blocked_until = [0.0]

    def play(_worker: str, _request: Request) -> bytes:
        time.sleep(max(0.0, blocked_until[0] - time.monotonic()))
        return b"{}"

    def late(*arguments: Any) -> Any:
        time.sleep(max(0.0, blocked_until[0] - 0.05 - time.monotonic()))  # the client's stop
        return ping(*arguments)

    def misbehave() -> str:
        blocked_until[0] = time.monotonic() + 0.5
        time.sleep(0.5)
        return "ended"

    ping = fate._ping
    monkeypatch.setattr(fate, "_ping", late)
    assert fate.watch(Played(play), "neighbour", misbehave).silent_ms >= 450


def burn(*, served: bool, ran_ms: float, late_ms: float = 0.0) -> tuple[Ending, Invocation]:
    usage = Usage(cpu_ns=0, busiest_ns=round(ran_ms * 1e6), held_back_ns=0, most_held_back_ns=round(late_ms * 1e6))
    outcome = Outcome.OK if served else Outcome.EXCEEDED_CPU
    record = Invocation(worker="cpu", event="fetch", outcome=outcome, cpu_time_ms=ran_ms, wall_time_ms=ran_ms)
    return Ending(served=served, text="", usage=usage), record


STOPPED = burn(served=False, ran_ms=52)
FITS = burn(served=True, ran_ms=10)
SLOWER = burn(served=False, ran_ms=51)
TOO_SOON = burn(served=False, ran_ms=10)
ESCAPED = burn(served=True, ran_ms=300, late_ms=290)
SERVED = burn(served=True, ran_ms=300)


@pytest.mark.parametrize(
    ("below", "beyond", "raised"),
    [
        (FITS, [STOPPED], None),
        (FITS, [ESCAPED, STOPPED, STOPPED], ControlFailed),
        (FITS, [SERVED, STOPPED, STOPPED], PromiseBroken),
        (FITS, [ESCAPED], PromiseBroken),  # nothing is ever stopped
        (SLOWER, [STOPPED], ControlFailed),
        (TOO_SOON, [STOPPED], PromiseBroken),
    ],
)
def test_a_limit_is_where_it_is_promised_or_not_only_where_the_machine_let_it_bite(
    below: tuple[Ending, Invocation],
    beyond: list[tuple[Ending, Invocation]],
    raised: Raised,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    following = itertools.cycle(beyond)
    module = "conformance.test_cpu_limits"
    monkeypatch.setattr(f"{module}.rounds_per_ms", lambda *_: 1.0)
    monkeypatch.setattr(f"{module}.ending", lambda *_: None)
    monkeypatch.setattr(f"{module}.account", lambda _, path: below if path.endswith("=10") else next(following))
    with expecting(raised):
        judged(configured_limit_lowers, Played(answering()))


class Evicting(Played):
    """`comes_late`: how long after the isolate's last request the waiting one comes to it."""

    def __init__(self, *, comes_late_s: float, stays: bool) -> None:
        super().__init__(self._answer, {IdleEviction: self})
        self._comes_late_s, self._stays = comes_late_s, stays
        self._waited = False

    def idle_ms(self) -> float:
        return 100.0

    def _answer(self, worker: str, request: Request) -> bytes:
        if request.path.startswith("/wait"):
            time.sleep(self._comes_late_s + 0.5)
            self._waited = True
        gone = self._waited and (worker == "lifecycle" or not self._stays)
        return msgspec.json.encode({"nonce": f"{worker} {gone}"})


@pytest.mark.parametrize(
    ("comes_late_s", "stays", "raised"),
    [(0.0, True, None), (0.3, True, None), (0.3, False, ControlFailed), (0.0, False, PromiseBroken)],
)
def test_an_isolate_is_evicted_under_a_request_only_where_that_had_come_in_time(
    comes_late_s: float, stays: bool, raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evicting, "idle_ms", lambda _: 100.0)
    with serving() as origin, expecting(raised):
        judged(request_keeps_its_isolate, Evicting(comes_late_s=comes_late_s, stays=stays), origin, Outbound())


def test_those_who_come_to_a_barrier_where_nobody_else_came_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.origin.BARRIER_DEADLINE_S", 0.2)
    with serving() as origin:
        url = origin.url("/barrier?n=2")
        assert httpx.get(url, trust_env=False, timeout=60).json() == {"together": 1}
        monkeypatch.setattr("conformance.origin.BARRIER_DEADLINE_S", 3600.0)
        assert httpx.get(url, trust_env=False, timeout=60).json() == {"together": 1}
