"""Every form of an answer, over every kind of stream and however it is cut into pieces: counted for what it is."""

from __future__ import annotations

import itertools
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.engine import Check, Endpoint, Engine, LoadPlan, One, Tally, get
from loadgen.engine.errors import ErrorClass
from loadgen.engine.incoming import Incoming, IncomingWithBody
from loadgen.engine.verdicts import MOST_ENTRIES, Verdicts
from tests.engine_targets import HELLO, OK, Peer, anonymous_tls, answering, ending_with, serving

WHOLE = {
    "length": OK,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\nc: d\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
}

CLOSING = {
    "says so": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "old": b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "delimits": b"HTTP/1.1 200 OK\r\n\r\nhello",
}

BROKEN = {
    "no status line": (b"hello\r\n\r\n", ErrorClass.MALFORMED),
    "other version": (b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n", ErrorClass.MALFORMED),
    "bad length": (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", ErrorClass.MALFORMED),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        ErrorClass.MALFORMED,
    ),
    "both framings": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        ErrorClass.MALFORMED,
    ),
    "bad chunk size": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", ErrorClass.MALFORMED),
    "bad chunk end": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n", ErrorClass.MALFORMED),
    "bytes after it": (OK + b"!", ErrorClass.MALFORMED),
    "another after it": (OK + OK, ErrorClass.MALFORMED),
    "bad header": (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ErrorClass.MALFORMED),
    "upgrade": (b"HTTP/1.1 101 Over\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", ErrorClass.MALFORMED),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, ErrorClass.TOO_LARGE),
    "length too large": (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", ErrorClass.CUT_SHORT),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", ErrorClass.CLOSED),
    "half a chunk": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", ErrorClass.CLOSED),
    "chunks that say they close": (
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ErrorClass.CLOSED,
    ),
    "nothing": (b"", ErrorClass.CLOSED),
    "wrong status": (b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello", ErrorClass.WRONG_STATUS),
    "wrong body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHELLO", ErrorClass.WRONG_BODY),
}


def load(endpoint: Endpoint, check: Check, *, count: int = 6, connections: int = 2) -> Tally:
    requests = One(get(endpoint, "/"), check)
    tally = Engine(
        LoadPlan(endpoint=endpoint, requests=requests, connections=connections, count=count, timeout_s=20)
    ).run()
    assert tally.scheduled == count
    assert tally.requests + tally.errors.total() == count
    assert len(tally.service) == tally.requests == len(tally.response)
    return tally


@pytest.mark.parametrize("kind", WHOLE)
def test_an_answer_is_right_whatever_its_form(kind: str) -> None:
    with serving(answering(WHOLE[kind])) as target:
        tally = load(target.endpoint, HELLO)
    assert (tally.requests, tally.errors) == (6, {})
    assert (len(target.requests), target.accepted, tally.connects, tally.reconnects) == (6, 2, 2, 0)
    assert tally.bytes_received == 6 * len(WHOLE[kind])


@pytest.mark.parametrize("kind", WHOLE)
def test_an_answer_that_trickles_byte_by_byte_is_right(kind: str) -> None:
    def trickling(peer: Peer) -> None:
        while True:
            peer.read()
            for place in range(len(WHOLE[kind])):
                peer.send(WHOLE[kind][place : place + 1])

    with serving(trickling) as target:
        assert load(target.endpoint, HELLO).requests == 6


@pytest.mark.parametrize("kind", CLOSING)
def test_an_answer_that_ends_its_connection_is_right_and_the_next_gets_a_new_one(kind: str) -> None:
    with serving(ending_with(CLOSING[kind])) as target:
        tally = load(target.endpoint, HELLO)
    assert (tally.requests, tally.errors) == (6, {})
    assert len(target.requests) == 6
    assert tally.reconnects == tally.connects - 2 >= 4


@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_answer_is_an_error_of_its_class(kind: str) -> None:
    answer, error = BROKEN[kind]
    with serving(ending_with(answer)) as target:
        tally = load(target.endpoint, HELLO, count=1, connections=1)
    assert tally.errors == {error: 1}


def test_a_wrong_answer_costs_no_connection_when_it_was_whole() -> None:
    with serving(answering(BROKEN["wrong status"][0])) as target:
        tally = load(target.endpoint, HELLO)
    assert tally.errors == {ErrorClass.WRONG_STATUS: 6}
    assert (tally.connects, tally.bytes_received) == (2, 0)


def test_a_status_that_is_expected_is_right() -> None:
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as target:
        assert load(target.endpoint, Check(status=204, body=b"")).requests == 6


def test_a_body_check_sees_every_body_and_names_the_error() -> None:
    """The same bytes each time: no cache may answer for a check that can count."""
    bodies: list[bytes] = []

    def check(body: bytes) -> str | None:
        bodies.append(body)
        return None if len(bodies) % 2 else "even"

    with serving(answering(OK)) as target:
        tally = load(target.endpoint, Check(body_check=check))
    assert bodies == [b"hello"] * 6
    assert (tally.requests, tally.errors) == (3, {"even": 3})


def test_a_body_check_that_raises_finds_the_body_wrong() -> None:
    def check(_body: bytes) -> str | None:
        raise KeyError("nonce")

    with serving(answering(OK)) as target:
        assert load(target.endpoint, Check(body_check=check)).errors == {"wrong-body (KeyError)": 6}


def test_words_of_body_checks_are_bounded() -> None:
    words = map(str, itertools.count())
    with serving(answering(OK)) as target:
        errors = load(target.endpoint, Check(body_check=lambda _: next(words)), count=200).errors
    assert errors.total() == 200
    assert errors["other"] == 200 - 64


@pytest.mark.parametrize("check", [Check(), Check(body=b"x" * 3_000_000)], ids=["unchecked", "checked"])
def test_a_large_answer_is_read_to_its_end(check: Check) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    with serving(answering(answer)) as target:
        tally = load(target.endpoint, check)
    assert tally.bytes_received == 6 * len(answer)


def test_a_body_to_be_checked_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.engine.incoming.MOST_BODY_BYTES", 1000)
    with serving(ending_with(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000)) as target:
        assert load(target.endpoint, HELLO, count=1, connections=1).errors == {ErrorClass.TOO_LARGE: 1}


def test_a_large_request_is_sent_to_its_end() -> None:
    """More than a socket's buffers hold, to a peer that does not read at first: the kernel takes it in parts."""
    body = b"y" * 8_000_000
    heads: list[bytes] = []

    def slow_reader(peer: Peer) -> None:
        for _ in range(2):
            heads.append(peer.read())
            left = len(body) - len(peer._pending)
            while left:
                left -= len(peer.stream.recv(min(left, 1 << 16)))
            peer._pending = b""
            peer.send(OK)

    with serving(slow_reader) as target:
        request = get(target.endpoint, "/", {"Content-Length": str(len(body))}) + body
        plan = LoadPlan(endpoint=target.endpoint, requests=One(request, HELLO), connections=1, count=2, timeout_s=20)
        assert Engine(plan).run().requests == 2
    assert len(heads) == 2


@pytest.mark.parametrize("kind", WHOLE)
def test_a_unix_socket_serves_as_well(kind: str, tmp_path: Path) -> None:
    with serving(answering(WHOLE[kind]), unix_path=tmp_path / "socket") as target:
        assert load(target.endpoint, HELLO).requests == 6


@pytest.mark.parametrize("kind", WHOLE)
def test_tls_serves_as_well(kind: str) -> None:
    with serving(answering(WHOLE[kind]), tls=True) as target:
        tally = load(target.endpoint, HELLO)
    assert (tally.requests, tally.errors, tally.connects) == (6, {}, 2)


def test_tls_carries_what_no_buffer_holds() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    with serving(answering(answer), tls=True) as target:
        assert load(target.endpoint, Check(body=b"x" * 3_000_000)).requests == 6


@pytest.mark.parametrize("kind", ["length", "chunked", "delimits"])
def test_a_tls_connection_that_ends_is_made_anew(kind: str) -> None:
    answer = (WHOLE | CLOSING)[kind]
    with serving(ending_with(answer), tls=True) as target:
        tally = load(target.endpoint, HELLO, connections=1, count=3)
    assert tally.requests >= 1
    assert tally.reconnects >= 1
    assert set(tally.errors) <= {ErrorClass.CLOSED, ErrorClass.RESET, ErrorClass.TLS}


def test_tls_to_a_target_that_talks_plain_is_an_error_of_its_own() -> None:
    with serving(ending_with(OK)) as target:
        endpoint = Endpoint(port=target.endpoint.port, tls=anonymous_tls(ssl.PROTOCOL_TLS_CLIENT))

        def plain(peer: Peer) -> None:
            peer.stream.recv(1)
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        target.script = plain
        assert load(endpoint, HELLO, count=3, connections=1).errors == {ErrorClass.TLS: 3}


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_an_answer_is_whole_at_its_last_byte_and_not_before(kind: str, data: st.DataObject) -> None:
    raw = WHOLE[kind]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=8)))
    answer, found = IncomingWithBody(), []
    for start, end in itertools.pairwise([0, *cuts, len(raw)]):
        assert answer.feed(raw[start:end]) is None
        found.append(answer.whole)
    assert found == [False] * len(cuts) + [True]
    assert (answer.status, answer.body, answer.keep_alive) == (200, b"hello", True)
    answer.close()


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", OK]))
def test_any_bytes_are_an_answer_or_an_error_and_never_an_exception(noise: bytes, before: bytes) -> None:
    answer = Incoming()
    answer.feed(before + noise)
    answer.end()
    answer.close()


@given(st.lists(st.sampled_from([*WHOLE.values(), *CLOSING.values(), BROKEN["wrong body"][0], OK + b"!"]), max_size=30))
def test_what_is_remembered_never_changes_a_verdict(answers: list[bytes]) -> None:
    """The tables answer just as the parser did, or not at all."""
    verdicts = Verdicts(HELLO)
    for raw in answers:
        answer = IncomingWithBody()
        error = answer.feed(raw)
        parsed = Verdicts(HELLO).judge(answer, None) if answer.whole and error is None else None
        assert verdicts.look_up(raw) in (None, parsed)
        if raw in verdicts.known:
            assert parsed == (None, True, verdicts.known[raw])
        if parsed is not None:
            assert verdicts.judge(answer, raw) == parsed
        answer.close()


def test_the_tables_are_bounded_and_take_in_what_is_new() -> None:
    """A head that changes with every answer must neither grow a table nor find it full for ever."""
    verdicts = Verdicts(HELLO)
    for number in range(10 * MOST_ENTRIES):
        raw = b"HTTP/1.1 200 OK\r\nx: %d\r\nContent-Length: 5\r\n\r\nhello" % number
        answer = IncomingWithBody()
        answer.feed(raw)
        verdicts.judge(answer, raw)
        answer.close()
        assert verdicts.look_up(raw) == (None, True, len(raw))
        assert verdicts.known[raw] == len(raw)
    assert len(verdicts.known) == len(verdicts._heads) == MOST_ENTRIES
