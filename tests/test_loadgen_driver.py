"""The driver process: Locust counts what we count, a loss is told apart from a fault, and nothing outlives it."""

from __future__ import annotations

import os
import socket
from itertools import count

import pytest

from harness.errors import ConnectionLost, DeadlineExceeded, IsomarkError
from harness.process import Supervised
from loadgen.bench import _agree
from loadgen.driver import Driver
from loadgen.messages import CallTurn, CellTally, IsolateColdTurn, Launch, ProcessColdTurn, ProcessStarted, WarmTurn
from tests.test_loadgen_doubles import Answer, proof, serving


def no_process() -> ProcessStarted:
    return pytest.fail("no process was to be started")


def call(port: int, *, per_round: tuple[int, ...] = (1, 2)) -> CallTurn:
    return CallTurn(cell="calls/x-1", port=port, path="/", headers={}, body="right", counts=per_round)


def test_locust_counts_what_we_count_the_wrong_ones_included() -> None:
    requests, started = count(), count()

    def respond(path: str, headers: object) -> Answer:
        number = next(requests)
        if path == "/calls":
            return 200, "right" if number % 3 else "wrong"
        return (200 if number % 5 else 503), proof(f"n{number // 4}", number % 4 + 1)

    with serving(respond) as port, Driver.started() as driver:
        turns = (
            WarmTurn(cell="warm/runtime", port=port, counts=(3, 7, 7, 7)),
            CallTurn(cell="calls/x-1", port=port, path="/calls", headers={}, body="right", counts=(3, 4, 4, 4)),
            IsolateColdTurn(cell="cold-start/isolate", port=port, header="x", counts=(3, 5, 5, 5)),
            ProcessColdTurn(cell="cold-start/process", counts=(1, 0, 1, 1)),
        )
        measured = driver.measure(
            Launch(number=1, turns=turns),
            start=lambda: ProcessStarted(elapsed_ns=9, status=200, body=proof(f"process {next(started)}", 1)),
            deadline_s=30,
        )
    by_cell = {tally.cell: tally for tally in measured.cells}
    assert list(by_cell) == [turn.cell for turn in turns]
    for turn in turns:
        tally = by_cell[turn.cell]
        ours = len(tally.samples_ns) + sum(tally.errors.values()) + sum(tally.discarded.values())
        assert ours == tally.locust_requests == sum(turn.counts)
        assert sum(tally.errors.values()) == tally.locust_failures
    assert by_cell["calls/x-1"].errors["wrong body"] > 0
    assert by_cell["warm/runtime"].errors["status 503"] > 0
    assert by_cell["warm/runtime"].discarded["not warm"] > 0
    assert by_cell["cold-start/process"].samples_ns == (9, 9)


def test_counts_that_differ_end_the_run() -> None:
    right = CellTally(
        cell="warm/runtime",
        samples_ns=(1, 2),
        errors={"wrong body": 1},
        discarded={"warm-up": 3},
        locust_requests=6,
        locust_failures=1,
    )
    _agree(right)
    with pytest.raises(IsomarkError, match="counted 6 requests and 1 errors, Locust 6 and 0"):
        _agree(
            CellTally(**{field: getattr(right, field) for field in right.__struct_fields__} | {"locust_failures": 0})
        )


def test_a_driver_measures_launch_after_launch_and_remembers_every_nonce() -> None:
    with serving(lambda *_: (200, proof("the same", 1))) as port, Driver.started() as driver:
        turn = IsolateColdTurn(cell="cold-start/isolate", port=port, header="x", counts=(0, 1))
        found = [
            driver.measure(Launch(number=number, turns=(turn,)), start=no_process, deadline_s=30).cells[0]
            for number in (1, 2)
        ]
    assert [(len(tally.samples_ns), tally.discarded) for tally in found] == [(1, {}), (0, {"not cold": 1})]


def test_a_target_that_is_gone_is_named() -> None:
    with socket.socket() as taken, Driver.started() as driver:  # so that nobody else gets the port and listens on it
        taken.bind(("127.0.0.1", 0))
        turns = (call(taken.getsockname()[1]),)
        with pytest.raises(ConnectionLost, match="calls/x-1: nothing accepts connections"):
            driver.measure(Launch(number=1, turns=turns), start=no_process, deadline_s=30)


def test_a_launch_that_takes_too_long_is_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Driver.started() as driver:
        launch = Launch(number=1, turns=(call(silent.getsockname()[1]),))
        with pytest.raises(DeadlineExceeded, match="did not finish in time"):
            driver.measure(launch, start=no_process, deadline_s=0.3)


def test_a_driver_that_dies_is_an_error_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Supervised] = []
    init = Supervised.__init__

    def remember(self: Supervised, *args: object, **options: object) -> None:
        init(self, *args, **options)  # type: ignore[arg-type]
        started.append(self)

    monkeypatch.setattr(Supervised, "__init__", remember)
    with Driver.started() as driver:
        turn = ProcessColdTurn(cell="cold-start/process", counts=(1,))

        def start() -> ProcessStarted:
            os.kill(started[0].pid, 9)
            assert started[0].ended_within(60)
            return ProcessStarted(elapsed_ns=1, status=200, body="")

        with pytest.raises(IsomarkError, match=r"the load driver (is gone|ended in the middle)"):
            driver.measure(Launch(number=1, turns=(turn,)), start=start, deadline_s=30)


def test_what_starting_a_process_raises_ends_the_launch() -> None:
    def start() -> ProcessStarted:
        raise DeadlineExceeded("node did not come up")

    turn = ProcessColdTurn(cell="cold-start/process", counts=(1,))
    with Driver.started() as driver, pytest.raises(DeadlineExceeded, match="did not come up"):
        driver.measure(Launch(number=1, turns=(turn,)), start=start, deadline_s=30)
