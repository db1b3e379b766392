"""Single rows on played runtimes: a broken promise is told from a test that shows nothing, and neither passes."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from conformance.origin import Origin, serving
from conformance.spending import Step
from conformance.test_bindings_of_others import test_ids_of_others_objects_are_useless as ids_of_others
from conformance.test_bindings_of_others import test_keys_do_not_lead_out_of_a_namespace as keys_of_others
from conformance.test_bound_services_reach import (
    test_connect_of_a_binding_stays_with_the_service as connect_of_a_binding,
)
from conformance.test_concurrency import test_counters_do_not_tear as counters_do_not_tear
from conformance.test_isolates import test_many_isolates_in_one_process as many_in_one_process
from conformance.test_memory import test_heap_past_the_limit_is_stopped as heap_past_the_limit
from conformance.test_platform_surface import test_host_environment_is_out_of_reach as host_environment
from conformance.test_service_isolation import test_callee_does_not_see_the_callers_globals as callers_globals
from conformance.test_service_isolation import test_caller_does_not_see_the_callees_globals as callees_globals
from conformance.test_service_isolation import test_values_are_copies as values_are_copies
from conformance.test_service_redeploy import test_call_under_way_ends_as_it_began as call_under_way
from conformance.test_subrequests import test_free_plan_external_limit as free_plan_external_limit
from conformance.test_subrequests_counted import test_fetches_count as fetches_count
from harness.application import Worker
from harness.conformance_run import CONFORMANCE
from harness.errors import ControlFailed, PromiseBroken
from harness.judging import Judge, Launcher
from harness.registry import resolve
from harness.runtime import Outbound, Processes, Request
from tests.played import Play, Played, PlayedProcesses, judged


def test_what_the_process_has_in_its_environment_is_seen_where_a_worker_sees_it() -> None:
    judge = Judge()
    with contextlib.ExitStack() as stack:
        launch = Launcher(resolve("node"), CONFORMANCE / "workers", stack, judge)
        with pytest.raises(PromiseBroken, match="ISOMARK_MARK"):
            host_environment(launch, judge)


def test_nothing_is_shown_by_a_worker_around_which_there_is_no_environment() -> None:
    instance = Played(lambda *_: b'{"PLAIN":"a text"}', {Processes: PlayedProcesses(0)})
    with pytest.raises(ControlFailed, match="environment variables"):
        judged(host_environment, instance)


Leaving = Callable[[int, int], int]
"""How many of so many fetches leave for the server, of which so many are allowed."""


def spending(origin: Origin, limit: int, leaving: Leaving) -> Play:
    """A Worker that is served just what it is allowed."""

    def play(_worker: str, request: Request) -> bytes:
        (step,) = msgspec.json.decode(request.body or b"", type=list[Step])
        for _ in range(leaving(step.count, limit)):
            origin.answer("GET", "/text?n=0", origin.host)
        result = {
            **{"kind": step.kind, "asked": step.count, "served": limit},
            **{"firstFailed": limit + 1, "firstError": "too many subrequests"},
        }
        return msgspec.json.encode({"nonce": "n", "results": [result]})

    return play


@pytest.mark.parametrize(
    ("leaving", "raised"),
    [
        (lambda _asked, allowed: allowed, None),
        (lambda asked, _allowed: asked, PromiseBroken),  # counted once the answer is there, and the answer kept back
        (lambda _asked, allowed: allowed - 1, ControlFailed),  # served by somebody else
    ],
    ids=["no more than allowed", "all", "fewer than served"],
)
@pytest.mark.parametrize(("row", "limit"), [(free_plan_external_limit, 50), (fetches_count, 20)])
def test_a_limit_is_kept_only_where_nothing_past_it_leaves(
    row: Callable[..., None], limit: int, leaving: Leaving, raised: type[Exception] | None
) -> None:
    with serving() as origin, pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(row, Played(spending(origin, limit, leaving)), origin, Outbound())


class Redeploying(Played):
    """Calls wait at the origin's barrier; `slowly`: the redeploy is done once the barrier has let the first call go."""

    def __init__(self, origin: Origin, *, slowly: bool) -> None:
        super().__init__(self._held)
        self._release = "first"
        self._barrier = origin.url("/barrier?n=2")
        self._slowly = slowly
        self._let_go = threading.Event()

    def _held(self, *_: object) -> bytes:
        release = self._release
        httpx.get(self._barrier, trust_env=False, timeout=60)
        self._let_go.set()
        return msgspec.json.encode({"release": release})

    def redeploy(self, _worker: Worker) -> None:
        if self._slowly:
            assert self._let_go.wait(60)
        self._release = "second"


def test_a_call_is_under_way_only_while_the_next_one_is_inside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.origin.BARRIER_DEADLINE_S", 60.0)
    with serving() as origin:
        judged(call_under_way, Redeploying(origin, slowly=False), origin, Outbound())
    monkeypatch.setattr("conformance.origin.BARRIER_DEADLINE_S", 1.0)
    with serving() as origin, pytest.raises(ControlFailed, match="inside when the second"):
        judged(call_under_way, Redeploying(origin, slowly=True), origin, Outbound())


def holding(most_mib: int) -> Play:
    """A Worker that says after each MiB that it holds it, until it is stopped."""

    def play(_worker: str, request: Request) -> bytes:
        asked = int(request.path.partition("mib=")[2])
        held = "\n".join(map(str, range(1, min(asked, most_mib) + 1)))
        return f"{held}\nheld {asked}".encode() if asked <= most_mib else held.encode()

    return play


@pytest.mark.parametrize(
    ("most_mib", "peaks_mib", "raised"),
    [
        (130, (100, 300), None),
        (130, (100, 40), None),  # the isolate had a process of its own, which was ended and replaced
        (130, (20, 300), ControlFailed),
        (512, (100, 530), PromiseBroken),
        (512, (100, 100), ControlFailed),
    ],
)
def test_memory_that_was_served_must_be_seen_by_the_kernel_and_what_was_stopped_may_be_gone(
    most_mib: int, peaks_mib: tuple[int, int], raised: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = iter(peaks_mib)
    monkeypatch.setattr("conformance.test_memory.peak_resident_bytes", lambda _pids: next(peaks) << 20)
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(heap_past_the_limit, Played(holding(most_mib), {Processes: PlayedProcesses(0)}))


def storing(strangers: str) -> Play:
    """The Worker "bound" has a store. The other one's `strangers` store is its own, or missing, or leads to that."""
    stored: dict[tuple[str, str], str] = {}

    def play(worker: str, request: Request) -> bytes:
        if request.path.startswith("/object-id"):
            return b'{"id":"known"}'
        target = dict(parse_qsl(urlsplit(request.path).query))
        guessed = "id" in target or "isomark-common-shelf" in target["key"]
        place = worker, target["key"]
        if worker != "bound" and guessed:
            place = ("bound", "same key") if strangers == "leads there" else (worker, "nothing is there")
        if request.method == "PUT" and (worker == "bound" or strangers != "missing"):
            stored[place] = (request.body or b"").decode()
        return msgspec.json.encode({"value": stored.get(place)})

    return play


@pytest.mark.parametrize("row", [keys_of_others, ids_of_others])
@pytest.mark.parametrize(
    ("strangers", "raised"), [("its own", None), ("missing", ControlFailed), ("leads there", PromiseBroken)]
)
def test_a_stranger_shows_something_only_with_a_store_of_its_own(
    row: Callable[..., None], strangers: str, raised: type[Exception] | None
) -> None:
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(row, Played(storing(strangers)))


@pytest.mark.parametrize(
    ("isolates", "processes", "raised"), [(20, 1, None), (20, 20, PromiseBroken), (1, 1, ControlFailed)]
)
def test_many_isolates_are_in_one_process_only_where_there_are_many_and_one(
    isolates: int, processes: int, raised: type[Exception] | None
) -> None:
    numbers = itertools.count()
    instance = Played(
        lambda *_: msgspec.json.encode({"nonce": f"n{next(numbers) % isolates}"}),
        {Processes: PlayedProcesses(processes)},
    )
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(many_in_one_process, instance)


@pytest.mark.parametrize(
    ("lost", "overlaps", "switches", "raised"),
    [
        (0, 0, [160], None),
        (0, 0, [8, 168], None),  # at first a busy machine sent each request after the one before had ended
        (1, 0, [160], PromiseBroken),
        (0, 1, [160], PromiseBroken),
        (0, 0, range(8, 80, 8), ControlFailed),
    ],
)
def test_counters_do_not_tear_only_where_all_was_counted_by_turns(
    lost: int, overlaps: int, switches: Iterable[int], raised: type[Exception] | None
) -> None:
    counted = {"shared": 0, "overlaps": overlaps, "nonce": "n"}
    told = iter(switches)
    lock = threading.Lock()

    def play(_worker: str, request: Request) -> bytes:
        if request.path.startswith("/count?"):
            asked = dict(parse_qsl(urlsplit(request.path).query))
            with lock:
                counted["shared"] += int(asked["rounds"]) * int(asked["stride"])
            return b'{"nonce":"n"}'
        return msgspec.json.encode(counted | {"shared": counted["shared"] - lost, "switches": next(told)})

    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(counters_do_not_tear, Played(play))


def global_objects(*, how_many: int) -> Play:
    """Worker A, which marks its global object and has Worker B mark its own: the same one, where there is but one."""
    objects = [{"own": None, "onArrays": None} for _ in range(how_many)]
    sides = {"caller": objects[0], "callee": objects[-1]}

    def play(_worker: str, request: Request) -> bytes:
        for side, mark in parse_qsl(urlsplit(request.path).query):
            sides[side] |= {"own": mark, "onArrays": mark}
        return msgspec.json.encode(sides)

    return play


@pytest.mark.parametrize("row", [callers_globals, callees_globals])
def test_globals_are_apart_only_where_there_are_two_global_objects(row: Callable[..., None]) -> None:
    judged(row, Played(global_objects(how_many=2)))
    with pytest.raises(PromiseBroken, match="no mark in the calle"):
        judged(row, Played(global_objects(how_many=1)))
    with pytest.raises(ControlFailed):
        judged(row, Played(lambda *_: msgspec.json.encode({side: {"own": None} for side in ("caller", "callee")})))


@pytest.mark.parametrize(
    ("returned", "sent", "kept", "raised"),
    [
        ("altered by the callee", "untouched", "untouched", None),
        ("altered by the callee", "altered by the callee", "untouched", PromiseBroken),
        ("altered by the callee", "untouched", "altered by the caller", PromiseBroken),
        ("untouched", "untouched", "untouched", ControlFailed),
    ],
)
def test_values_are_copies_only_where_a_change_stays_on_its_side(
    returned: str, sent: str, kept: str, raised: type[Exception] | None
) -> None:
    instance = Played(lambda *_: msgspec.json.encode({"returned": returned, "sent": sent, "kept": kept}))
    with pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(values_are_copies, instance)


def connecting(*, leads_there: bool) -> Play:
    """A Worker that can fetch; connect() of its binding connects to the address it is given, or to nothing."""

    def play(_worker: str, request: Request) -> bytes:
        targets = msgspec.json.decode(request.body or b"")
        if request.path == "/fetch":
            for target in targets:
                httpx.get(target["url"], follow_redirects=True, trust_env=False, timeout=60)
        elif leads_there:
            for host, port in targets:
                httpx.get(f"http://{host}:{port}/by-socket", trust_env=False, timeout=60)
        return b"{}"

    return play


@pytest.mark.parametrize(("leads_there", "raised"), [(False, None), (True, PromiseBroken)])
def test_connect_of_a_binding_leads_nowhere_only_where_the_canary_counts_nobody(
    leads_there: bool, raised: type[Exception] | None
) -> None:
    with serving() as origin, serving() as canary, pytest.raises(raised) if raised else contextlib.nullcontext():
        judged(connect_of_a_binding, Played(connecting(leads_there=leads_there)), origin, canary, Outbound())
