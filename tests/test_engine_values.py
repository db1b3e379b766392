"""The engine's values: endpoints, requests, plans, tallies, and the verdict on a generator at its limit."""

from __future__ import annotations

import itertools
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.histograms.histogram import HIGHEST_NS, LatencyHistogram, index_of
from loadgen.arrivals import Constant
from loadgen.engine import Check, Endpoint, Interval, LoadPlan, Mix, One, Sequence, Tally, get, verdict
from loadgen.engine.pieces import MOST_PIECES, SLOTS, Packing, Piece, Pieces, histogram, new_counts
from loadgen.engine.tally import TallyMessage

TARGET = Endpoint(port=8080)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://127.1.2.3:8080/path", "127.1.2.3:8080"),
        ("http://localhost:81", "127.0.0.1:81"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://127.0.0.1", "127.0.0.1:443"),
        ("unix:/run/a.sock", "localhost"),
        ("unix:///run/a.sock", "localhost"),
    ],
)
def test_an_address_on_this_machine_is_taken(url: str, authority: str) -> None:
    endpoint = Endpoint.parse(url)
    assert endpoint.authority == authority
    assert isinstance(endpoint.tls, ssl.SSLContext) == url.startswith("https")
    assert endpoint.unix_path == ("/run/a.sock" if url.startswith("unix") else None)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.0.0.1:80", "not this machine"),
        ("http://example.org", "not this machine"),
        ("http://0.0.0.0:80", "not this machine"),
        ("http://:80", "not this machine"),
        ("http://127.0.0.1:99999", "no address"),
        ("http://127.0.0.1:x", "no address"),
        ("htp://127.0.0.1:80", "did you mean 'http'"),
        ("unix:", "unix socket"),
        ("unix:/" + "a" * 107, "unix socket"),
    ],
)
def test_any_other_address_is_refused(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Endpoint.parse(url)


def test_a_request_is_serialised_with_its_headers() -> None:
    assert get(TARGET, "/a?b", {"X-Y": "z"}) == b"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Y: z\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "headers"),
    [("a", {}), ("/a b", {}), ("/\u20ac", {}), ("/", {"x": "a\r\nb: c"}), ("/\r\n", {}), ("/", {"x\n": "a"})],
)
def test_what_cannot_stand_in_a_head_is_refused(path: str, headers: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        get(TARGET, path, headers)


@pytest.mark.parametrize("weights", [(), (0, 0), (1, -1)])
def test_a_mix_needs_weights(weights: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="no mix"):
        Mix([(weight, b"x", Check()) for weight in weights], seed=0)


def test_a_mix_draws_the_same_for_the_same_seed() -> None:
    def draws(seed: int) -> list[bytes]:
        mix = Mix([(1, b"a", Check()), (9, b"b", Check()), (0, b"c", Check())], seed)
        return [mix.next(0)[0] for _ in range(500)]

    assert draws(1) == draws(1) != draws(2)
    seen = Counter(draws(1))
    assert set(seen) == {b"a", b"b"}
    assert 20 < seen[b"a"] < 90


def test_a_sequence_needs_a_step() -> None:
    with pytest.raises(UsageError):
        Sequence([])


@pytest.mark.parametrize(
    "values",
    [
        {"connections": 0},
        {"connections": 20_001},
        {"duration_s": -1.0},
        {"duration_s": None},
        {"count": 0},
        {"timeout_s": 0},
        {"drain_s": -1},
        {"interval_s": 0},
        {"warm_up_s": 1.0},
        {"worker": 1},
        {"workers": 0},
    ],
    ids=str,
)
def test_a_plan_out_of_range_is_refused(values: dict[str, object]) -> None:
    plan = LoadPlan(endpoint=TARGET, requests=One(b"x"), connections=1, duration_s=1.0)
    with pytest.raises(UsageError, match=r"out of range|without an end|nothing to measure"):
        replace(plan, **values)


latencies = st.lists(st.integers(0, 2 * HIGHEST_NS), max_size=30)
numbers = st.integers(0, 10**6)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    values = draw(latencies)
    tally = Tally(
        response=LatencyHistogram(values),
        service=LatencyHistogram(values),
        requests=len(values),
        errors=Counter(draw(st.dictionaries(st.sampled_from(["reset", "refused", "mine"]), st.integers(1, 9)))),
        warm_up=draw(numbers),
        drained=draw(numbers),
        carried_over=draw(numbers),
        censored=draw(numbers),
        dropped=draw(numbers),
        max_late_ns=draw(numbers),
        started_ns=draw(st.integers(1, 10**18)),
        wall_ns=draw(numbers),
        connects=draw(numbers),
    )
    tally.scheduled = tally.requests + tally.errors.total() + tally.warm_up + tally.censored + tally.dropped
    tally.intervals = [
        Interval(
            start_ns=tally.started_ns,
            end_ns=tally.started_ns + tally.wall_ns,
            response=LatencyHistogram(values),
            service=LatencyHistogram(values),
        )
    ]
    return tally


def contents(tally: Tally) -> object:
    """As JSON has it: what two equal tallies share."""
    return msgspec.to_builtins(tally.to_message())


@settings(max_examples=20, deadline=None)
@given(tallies())
def test_a_tally_survives_the_trip_between_processes(tally: Tally) -> None:
    sent = msgspec.json.encode(tally.to_message())
    received = Tally.from_message(msgspec.json.decode(sent, type=TallyMessage))
    assert contents(received) == contents(tally)
    assert received.response.out_of_range == tally.response.out_of_range
    assert type(received.errors) is Counter


@settings(max_examples=20, deadline=None)
@given(st.lists(tallies(), max_size=4), st.randoms(use_true_random=False))
def test_a_merge_loses_nothing_in_any_order(parts: list[Tally], order: object) -> None:
    whole, shuffled = Tally(), Tally()
    for part in parts:
        whole.merge(part)
    others = parts[:]
    order.shuffle(others)  # type: ignore[attr-defined]
    for part in others:
        shuffled.merge(part)
    whole.intervals = shuffled.intervals = []
    assert contents(whole) == contents(shuffled)
    assert whole.scheduled == (whole.requests + whole.errors.total() + whole.warm_up + whole.censored + whole.dropped)
    assert whole.requests == len(whole.response) + whole.response.out_of_range
    if parts:
        assert whole.started_ns == min(part.started_ns for part in parts)
        assert whole.started_ns + whole.wall_ns == max(part.started_ns + part.wall_ns for part in parts)


def test_rates_are_those_of_the_measured_part() -> None:
    tally = Tally(requests=300, wall_ns=2_000_000_000, engine_ns=4_000_000_000, cpu_ns=3_000_000_000, spun_ns=10**9)
    assert (tally.rate_rps, tally.work_share) == (150.0, 0.5)
    assert replace(tally, drained=100, carried_over=40).rate_rps == 120.0
    assert (Tally().rate_rps, Tally().work_share) == (0.0, 0.0)


CLOSED = LoadPlan(endpoint=TARGET, requests=One(b"x"), connections=1, duration_s=1.0)
OPEN = LoadPlan(endpoint=TARGET, requests=One(b"x"), connections=1, arrivals=Constant(1000, 1))


@pytest.mark.parametrize(
    ("plan", "counts", "saturated"),
    [
        (CLOSED, {"cpu_ns": 90}, False),
        (CLOSED, {"cpu_ns": 99}, True),
        (CLOSED, {"cpu_ns": 99, "spun_ns": 50}, False),
        (OPEN, {"cpu_ns": 100, "spun_ns": 90}, False),
        (OPEN, {"cpu_ns": 100, "spun_ns": 2}, True),
        (OPEN, {"cpu_ns": 50, "behind": 10}, False),
        (OPEN, {"cpu_ns": 50, "behind": 11, "late": 11}, True),
        (OPEN, {"cpu_ns": 50, "late": 900}, False),
    ],
)
def test_a_generator_at_its_limit_says_so(plan: LoadPlan, counts: dict[str, int], saturated: bool) -> None:
    found = verdict(Tally(engine_ns=100, scheduled=1500, warm_up=500, **counts), plan)
    assert found.saturated is saturated
    assert ("not the target's" in found.words) is saturated


counts_by_slot = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(1, 10**9), max_size=40)


def packed(counts: Mapping[int, int]) -> Packing:
    flat = new_counts()
    for slot, count in counts.items():
        flat[slot] = count
    packing = Packing(flat)
    while packing.step():
        pass
    return packing


@given(counts_by_slot)
def test_packing_keeps_every_count_and_empties_the_list(counts: dict[int, int]) -> None:
    packing = packed(counts)
    found = {start + place: n for start, chunk in packing.chunks.items() for place, n in enumerate(chunk) if n}
    assert found == counts
    assert packing.total == sum(counts.values())
    assert packing.counts == new_counts()


@pytest.mark.parametrize("same", [True, False])
@given(parts=st.lists(st.tuples(counts_by_slot, st.integers(1, 5)), min_size=1, max_size=5), times=st.integers(1, 40))
@settings(max_examples=8, deadline=None)
def test_pieces_are_bounded_and_lose_nothing(same: bool, parts: list[tuple[dict[int, int], int]], times: int) -> None:
    """Whether they are joined in steps or, when nobody takes any, at the last moment."""
    pieces, at_ns, expected = Pieces(), 0, Counter[int]()
    for number in range(times):
        for counts, length_ns in parts:
            service = packed(counts).chunks
            response = service if same else packed({SLOTS - 1 - slot: count for slot, count in counts.items()}).chunks
            pieces.append(Piece(start_ns=at_ns, end_ns=at_ns + length_ns, response=response, service=service))
            at_ns += length_ns
            expected.update(counts)
            assert len(pieces) < 2 * MOST_PIECES
        if number % 2:
            pieces.step()
    while pieces.step():
        pass
    found = list(pieces)
    assert len(found) == min(len(parts) * times, MOST_PIECES)
    assert (found[0].start_ns, found[-1].end_ns) == (0, at_ns)
    assert all(first.end_ns == second.start_ns for first, second in itertools.pairwise(found))
    assert all((piece.response is piece.service) is same for piece in found)
    mirrored = expected if same else {SLOTS - 1 - slot: count for slot, count in expected.items()}
    for counts, whole in ((expected, "service"), (mirrored, "response")):
        sums = histogram(getattr(piece, whole) for piece in found)
        assert sums.by_slot() == LatencyHistogram.from_counts(counts).by_slot()
        assert sums.out_of_range == LatencyHistogram.from_counts(counts).out_of_range


def test_joined_counts_outgrow_their_width() -> None:
    pieces = Pieces()
    for number in range(2 * MOST_PIECES):
        chunks = packed({5: 2**31}).chunks
        pieces.append(Piece(start_ns=number, end_ns=number + 1, response=chunks, service=chunks))
    for _ in range(10 * MOST_PIECES):
        pieces.step()
    assert len(histogram(piece.service for piece in pieces)) == 2 * MOST_PIECES * 2**31


@settings(max_examples=30, deadline=None)
@given(latencies)
def test_a_histogram_of_counts_is_that_of_the_values(values: list[int]) -> None:
    """As a list of all slots, as a mapping of those in use, and by way of packing."""
    flat = new_counts()
    for value in values:
        flat[index_of(value)] += 1
    # A value just above the highest shares its slot, which counts as in range.
    expected = LatencyHistogram(value for value in values if index_of(value) != index_of(HIGHEST_NS))
    edge = sum(index_of(value) == index_of(HIGHEST_NS) for value in values)
    mapping = {slot: count for slot, count in enumerate(flat) if count}
    for found in (
        LatencyHistogram.from_counts(flat),
        LatencyHistogram.from_counts(mapping),
        LatencyHistogram.from_counts({**mapping, 7_000: mapping.get(7_000, 0)}),
        histogram([packed(mapping).chunks]),
    ):
        assert len(found) == len(expected) + edge
        assert found.out_of_range == expected.out_of_range
        assert {**found.by_slot(), **expected.by_slot()} == found.by_slot()
        assert all(found.by_slot().values())
