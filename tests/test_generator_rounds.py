"""The benchmark's arithmetic: the order of rounds, ratios of the same round, what is doubted and warned of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.generator_benchmark import findings, pinning
from loadgen.generator_benchmark.closed_loop import ClosedLoop, Turn, order_of_rounds
from loadgen.generator_benchmark.run_engine import EngineOutcome
from loadgen.generator_benchmark.tool_output import Outcome
from loadgen.generator_benchmark.watching import Watched, Window
from tests.tiny_benchmark import TINY


@given(st.sets(st.text(min_size=1), min_size=1, max_size=6), st.integers(1, 8), st.integers(0, 1 << 31))
def test_in_each_round_every_tool_has_one_turn_in_an_order_of_the_seed(names: set[str], rounds: int, seed: int) -> None:
    order = order_of_rounds(sorted(names), rounds, seed)
    assert order == order_of_rounds(sorted(names), rounds, seed)
    assert [sorted(each) for each in order] == [sorted(names)] * rounds


def test_orders_of_other_seeds_differ() -> None:
    assert len({tuple(order_of_rounds("ABCDE", 3, seed)) for seed in range(10)}) > 5


def turn(
    number: int, tool: str, requests: int, *, cpu_ns: int = 10**9, own: int | None = None, errors: int = 0
) -> Turn:
    window = Window(requests=requests, cpu_ns=cpu_ns, wall_ns=10**9)
    return Turn(
        round=number,
        tool=tool,
        watched=Watched(window=window, whole=window, resident_bytes=(1, 1), output=""),
        outcome=Outcome(requests=requests if own is None else own, errors=errors),
    )


def test_ratios_are_of_the_same_round_and_their_median() -> None:
    """A slow round is slow for both sides, and a round with only one of them says nothing."""
    closed = ClosedLoop(
        turns=[
            turn(1, "a", 100),
            turn(1, "b", 50),
            turn(2, "b", 5),
            turn(2, "a", 10),
            turn(3, "a", 900),
            turn(4, "b", 1),
        ]
    )
    assert closed.ratios("a", "b") == [2, 2]
    assert (closed.ratio("a", "b"), closed.per_cpu_s("a"), closed.ratio("a", "c")) == (2, 100, None)


@pytest.mark.parametrize(
    ("one", "doubts"),
    [
        (turn(1, "x", 100_000), []),
        (turn(1, "x", 100_000, own=99_900), []),
        (turn(1, "x", 100_000, own=90_000), ["round 1: x says it did 90000 requests, and the target says 100000"]),
        (turn(2, "x", 1_000, own=990, errors=10), ["round 2: x had 10 errors, which its figure includes"]),
    ],
)
def test_a_tool_whose_count_is_off_or_that_saw_errors_is_doubted(one: Turn, doubts: list[str]) -> None:
    found = findings.Findings(profile=TINY, closed=ClosedLoop(turns=[one]))
    apart = pinning.Pinning(generator=1, target=0)
    assert list(found.warnings(apart, [], 0.0)) == doubts


def test_a_saturated_run_and_one_that_delivered_too_little_are_warned_of() -> None:
    outcome = EngineOutcome(
        requests=900, errors=0, due=1_000, late=0, censored=100, dropped=0,
        percentiles_ns=dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), 1),
        saturated=True, verdict="the generator was saturated",
    )  # fmt: skip
    found = findings.Findings(profile=TINY, capacity=outcome)
    assert list(found.warnings(pinning.Pinning(generator=1, target=0), [], 0.5)) == [
        "the machine was not idle: 50% of its CPU time was in use before the start",
        "the capacity: the generator was saturated",
        "the capacity: only 90.00% of the requests due were answered right",
    ]


@pytest.mark.parametrize(
    ("usable", "siblings", "expected"),
    [
        ({0}, {}, (0, 0, False)),
        ({0, 1}, {}, (1, 0, False)),
        ({0, 1}, {0: {0, 1}, 1: {0, 1}}, (1, 0, True)),
        ({0, 1, 2, 3}, {3: {2, 3}}, (3, 0, False)),
        ({2, 3, 5}, {5: {2, 5}}, (5, 3, False)),
    ],
)
def test_generator_and_target_get_cores_of_their_own_where_there_are_two(
    usable: set[int], siblings: dict[int, set[int]], expected: tuple[int, int, bool]
) -> None:
    chosen = pinning.choose(usable, lambda cpu: siblings.get(cpu, {cpu}))
    assert (chosen.generator, chosen.target, chosen.shared_core) == expected
    found = findings.Findings(profile=TINY).warnings(chosen, [], 0.0)
    assert found == (() if chosen.apart and not chosen.shared_core else (str(chosen),))
    assert ("nothing is apart" in str(chosen)) == (len(usable) == 1)
