"""The client of the timed requests: whole responses however they arrive, and a precise word for those that do not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.connection import Connection, Failed, Gone, get
from loadgen.http_response import Malformed, ResponseParser

WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\nc: d\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello",
}

BROKEN = {
    "no status line": b"hello\r\n\r\n",
    "other version": b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
    "bad length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "huge length": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    "other coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
    "bad chunk size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "negative chunk size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n",
    "bad chunk end": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n",
    "too much": WHOLE["length"] + b"!",
    "bad header": b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000,
}


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_response_is_whole_at_its_last_byte_and_not_before(kind: str, data: st.DataObject) -> None:
    raw = WHOLE[kind]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    parser = ResponseParser()
    assert [parser.feed(piece) for piece in pieces] == [False] * len(cuts) + [True]
    assert (parser.status, parser.body, parser.keep_alive) == (200, b"hello", True)


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_response_is_refused(kind: str) -> None:
    with pytest.raises(Malformed):
        ResponseParser().feed(BROKEN[kind])


def test_a_status_without_a_body_is_whole_at_once() -> None:
    parser = ResponseParser()
    assert parser.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (parser.status, parser.body) == (204, b"")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nconnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_close_is_noticed(head: bytes) -> None:
    parser = ResponseParser()
    assert parser.feed(head + b"content-length: 2\r\n\r\nok")
    assert not parser.keep_alive


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    parser = ResponseParser()
    assert not parser.feed(b"HTTP/1.1 200 OK\r\n\r\nhel")
    assert not parser.feed(b"lo")
    assert parser.end()
    assert (parser.body, parser.keep_alive) == (b"hello", False)


@given(st.sampled_from(["length", "chunked", "trailers"]), st.data())
def test_a_connection_that_ends_early_gives_no_whole_response(kind: str, data: st.DataObject) -> None:
    raw = WHOLE[kind]
    parser = ResponseParser()
    assert not parser.feed(raw[: data.draw(st.integers(1, len(raw) - 1))])
    assert not parser.end()


def test_requests_share_a_connection_and_each_is_timed() -> None:
    with scripted([[WHOLE["length"], WHOLE["chunked"]]]) as (port, accepted):
        connection = Connection(port)
        found = [connection.exchange(get(port, "/")) for _ in range(2)]
        connection.close()
    assert [(each.status, each.body) for each in found] == [(200, b"hello")] * 2
    assert all(each.elapsed_ns > 0 for each in found)
    assert accepted() == 1


def test_a_connection_that_closes_is_an_error_and_the_next_request_gets_a_new_one() -> None:
    with scripted([[WHOLE["length"][:-2]], [WHOLE["length"]]]) as (port, accepted):
        connection = Connection(port)
        with pytest.raises(Failed, match="connection closed"):
            connection.exchange(get(port, "/"))
        assert connection.exchange(get(port, "/")).body == b"hello"
        connection.close()
    assert accepted() == 2


def test_a_peer_that_hangs_up_between_two_requests_costs_none() -> None:
    """As Node does with a connection that was idle for five seconds."""
    with scripted([[WHOLE["length"]], [WHOLE["length"]]]) as (port, accepted):
        connection = Connection(port)
        assert connection.exchange(get(port, "/")).body == b"hello"
        kept = connection._socket
        assert kept is not None
        assert kept.recv(1, socket.MSG_PEEK) == b"", "the end has come"
        assert connection.exchange(get(port, "/")).body == b"hello"
        connection.close()
    assert accepted() == 2


def test_a_malformed_response_is_an_error() -> None:
    with scripted([[BROKEN["bad length"]]]) as (port, _):
        connection = Connection(port)
        with pytest.raises(Failed, match="malformed response"):
            connection.exchange(get(port, "/"))


def test_silence_is_an_error_after_the_deadline() -> None:
    with scripted([[b""]]) as (port, _):
        connection = Connection(port, deadline_s=0.05)
        with pytest.raises(Failed, match="deadline exceeded"):
            connection.exchange(get(port, "/"))


def test_nobody_there_is_told_apart() -> None:
    with socket.socket() as taken:  # so that nobody else gets the port and listens on it
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Gone):
            Connection(port).exchange(get(port, "/"))


@contextlib.contextmanager
def scripted(connections: list[list[bytes]]) -> Iterator[tuple[int, Callable[[], int]]]:
    """A server that plays these responses, one list per connection, and then closes it; its port and its count."""
    accepted = 0
    over = threading.Event()

    def play() -> None:
        nonlocal accepted
        for responses in connections:
            peer, _ = listening.accept()
            with peer:
                accepted += 1
                for response in responses:
                    peer.recv(65_536)
                    peer.sendall(response)
                if responses == [b""]:
                    over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield listening.getsockname()[1], lambda: accepted
        finally:
            over.set()
            thread.join()
