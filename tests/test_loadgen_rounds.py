"""What counts: wrong answers are errors, samples of the wrong kind are thrown out, and the modes take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.connection import Connections
from loadgen.messages import CallTurn, IsolateColdTurn, ProcessColdTurn, ProcessStarted, Turn, WarmTurn
from loadgen.probes import Nonces
from loadgen.profiles import spread
from loadgen.rounds import Rounds, Tally
from tests.test_loadgen_doubles import Answer, proof, serving

HEADER = "x-isolate"
ROUNDS = (1, 2, 2)


def measured(turns: Iterable[Turn], start: Callable[[], ProcessStarted] | None = None) -> tuple[Rounds, list[str]]:
    """Take all turns; the rounds, and the cells in the order in which they were sampled."""
    seen: list[str] = []
    with Connections() as connections:
        rounds = Rounds(
            tuple(turns),
            launch=1,
            connections=connections,
            nonces=Nonces(),
            start=start or (lambda: pytest.fail("no process was to be started")),
            observe=lambda cell, _sample: seen.append(cell),
        )
        while rounds.take_turn():
            pass
    return rounds, seen


def counts(tally: Tally) -> tuple[int, Mapping[str, int], Mapping[str, int]]:
    return len(tally.samples_ns), dict(tally.errors), dict(tally.discarded)


def call(port: int, *, cell: str = "calls/x-1", per_round: tuple[int, ...] = ROUNDS) -> CallTurn:
    return CallTurn(cell=cell, port=port, path="/", headers={}, body="right", counts=per_round)


@pytest.mark.parametrize(
    ("lie", "error"), [((200, "wrong"), "wrong body"), ((500, "right"), "status 500"), ((200, ""), "wrong body")]
)
def test_a_wrong_answer_is_an_error_however_fast(lie: Answer, error: str) -> None:
    requests = count()
    with serving(lambda *_: lie if next(requests) in (2, 4) else (200, "right")) as port:
        rounds, _ = measured([call(port)])
    assert counts(rounds.tallies["calls/x-1"]) == (2, {error: 2}, {"warm-up": 1})


def test_a_mode_that_never_answers_right_while_warming_up_is_not_timed() -> None:
    with serving(lambda *_: (404, "right")) as port:
        rounds, _ = measured([call(port, per_round=(2, 5, 5))])
    assert rounds.untimed == ("calls/x-1",)
    assert counts(rounds.tallies["calls/x-1"]) == (0, {"status 404": 2}, {})


def isolate(port: int) -> IsolateColdTurn:
    return IsolateColdTurn(cell="cold-start/isolate", port=port, header=HEADER, counts=ROUNDS)


def test_each_cold_isolate_is_asked_for_by_a_fresh_name() -> None:
    names: list[str] = []

    def respond(_: str, headers: Mapping[str, str]) -> Answer:
        names.append(headers[HEADER])
        return 200, proof(headers[HEADER], 1)

    with serving(respond) as port:
        rounds, _ = measured([isolate(port)])
    assert len(set(names)) == len(names) == 5
    assert counts(rounds.tallies["cold-start/isolate"]) == (4, {}, {"warm-up": 1})


def test_an_isolate_that_served_before_is_not_cold() -> None:
    with serving(lambda _, headers: (200, proof(headers[HEADER], 2))) as port:
        rounds, _ = measured([isolate(port)])
    assert counts(rounds.tallies["cold-start/isolate"]) == (0, {}, {"warm-up": 1, "not cold": 4})


def test_an_isolate_whose_nonce_was_seen_is_not_cold_whatever_it_counts() -> None:
    with serving(lambda *_: (200, proof("the same", 1))) as port:
        rounds, _ = measured([isolate(port)])
    assert counts(rounds.tallies["cold-start/isolate"]) == (0, {}, {"warm-up": 1, "not cold": 4})


@pytest.mark.parametrize(
    "body", ["", "[]", '{"hello":"isomark"}', '{"hello":"x","nonce":"n","served":1}', proof("n", 1)[:-1]]
)
def test_a_proof_that_is_none_is_an_error(body: str) -> None:
    requests = count()
    with serving(lambda _, headers: (200, proof(headers[HEADER], 1) if next(requests) != 3 else body)) as port:
        rounds, _ = measured([isolate(port)])
    assert counts(rounds.tallies["cold-start/isolate"]) == (3, {"wrong body": 1}, {"warm-up": 1})


def test_a_fresh_isolate_is_not_warm() -> None:
    requests = count(1)

    def respond(*_: object) -> Answer:
        number = next(requests)
        return 200, proof("new" if number == 4 else "old", 1 if number == 4 else number)

    with serving(respond) as port:
        rounds, _ = measured([WarmTurn(cell="warm/runtime", port=port, counts=ROUNDS)])
    assert counts(rounds.tallies["warm/runtime"]) == (3, {}, {"warm-up": 1, "not warm": 1})


def test_processes_are_held_to_the_same_proof() -> None:
    answers = iter(
        [
            ProcessStarted(elapsed_ns=1, status=200, body=proof("a", 1)),
            ProcessStarted(elapsed_ns=2, status=200, body=proof("b", 1)),
            ProcessStarted(elapsed_ns=3, status=200, body=proof("b", 1)),
            ProcessStarted(elapsed_ns=4, status=0, body=""),
            ProcessStarted(elapsed_ns=5, status=200, body=proof("c", 1)),
        ]
    )
    rounds, _ = measured([ProcessColdTurn(cell="cold-start/process", counts=ROUNDS)], lambda: next(answers))
    tally = rounds.tallies["cold-start/process"]
    assert tally.samples_ns == [2, 5]
    assert counts(tally) == (2, {"status 0": 1}, {"warm-up": 1, "not cold": 1})


def test_modes_take_turns_round_after_round() -> None:
    with serving(lambda *_: (200, "right")) as port:
        _, seen = measured([call(port, cell=cell, per_round=(1, 2, 1)) for cell in ("b", "a", "c")])
    assert "".join(seen) == "bac" + "bbaacc" + "bac"


@given(st.integers(0, 3000), st.integers(1, 60), st.integers(0, 10))
def test_samples_are_spread_evenly(total: int, rounds: int, warm_up: int) -> None:
    first, *others = spread(total, rounds, warm_up=warm_up)
    assert (first, len(others), sum(others)) == (warm_up, rounds, total)
    assert max(others) - min(others) <= 1
    assert Counter(others).keys() <= {total // rounds, total // rounds + 1}
