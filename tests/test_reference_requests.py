"""The front of the reference runtime: from what a client sends to requests."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.adapters.reference.control.bodies import (
    BodyBroken,
    IncomingBody,
    InlineBody,
)
from tests.http_peers import Recorder, connected, hello, on_a_loop, until, visited, whole


@on_a_loop
async def test_connection_is_kept_for_the_next_request() -> None:
    async with visited(hello) as peer:
        for path in (b"/a", b"/b?c=d"):
            await peer.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
            assert await peer.answer() == (
                200,
                {"content-type": "text/plain", "content-length": str(6 + len(path))},
                b"hello " + path,
            )
        assert len(peer.front.connections) == 1


@on_a_loop
async def test_request_comes_as_it_was_sent() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"PUT /a/../%41?b#c HTTP/1.1\r\nHost: H:1\r\nX-Y: \t\xe9 z \t\r\nx-y: 2\r\nEmpty:\r\n\r\n")
        exchange = await recorder.taken()
        assert (exchange.method, exchange.target, exchange.authority) == ("PUT", "/a/../%41?b#c", "H:1")
        assert exchange.headers == [("host", "H:1"), ("x-y", "\xe9 z"), ("x-y", "2"), ("empty", "")]
        assert exchange.body is None


@pytest.mark.parametrize(
    ("head", "authority", "target"),
    [
        (b"GET / HTTP/1.1\r\n", None, "/"),
        (b"GET / HTTP/1.1\r\nHost:\r\n", None, "/"),
        (b"GET http://Name:8/a?b HTTP/1.1\r\nHost: other\r\n", "Name:8", "/a?b"),
        (b"GET https://name?b HTTP/1.1\r\n", "name", "/?b"),
        (b"GET http://name HTTP/1.1\r\n", "name", "/"),
    ],
)
@on_a_loop
async def test_authority_is_the_targets_or_the_host_headers_or_the_fronts(
    head: bytes, authority: str | None, target: str
) -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(head + b"\r\n")
        exchange = await recorder.taken()
        assert (exchange.authority, exchange.target) == (authority or f"127.0.0.1:{peer.front.port}", target)


@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
@on_a_loop
async def test_pipelined_requests_are_answered_in_order(piece_bytes: int) -> None:
    async with visited(hello) as peer:
        requests = b"".join(
            b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" % n
            if n % 2
            else b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n
            for n in range(20)
        )
        for start in range(0, len(requests), piece_bytes):
            await peer.send(requests[start : start + piece_bytes])
        for n in range(20):
            assert (await peer.answer())[2] == b"hello /%d" % n


@on_a_loop
async def test_pipelined_request_waits_for_the_answer_before_it() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        first = await recorder.taken()
        await asyncio.sleep(0.01)
        assert recorder.exchanges == [first]
        first.respond(200, "", [], b"one")
        second = await recorder.taken(2)
        await peer.send(b"0\r\n\r\n")
        assert await whole(second.body) == b"abc"
        second.respond(200, "", [], b"two")
        assert [(await peer.answer())[2] for _ in range(2)] == [b"one", b"two"]


@on_a_loop
async def test_client_that_sends_ahead_is_held() -> None:
    """Requests sent ahead of the first answer are not all taken in, and all of them are answered in the end."""
    count, recorder = 50_000, Recorder()
    async with visited(recorder) as peer:
        sending = asyncio.create_task(peer.send(b"GET / HTTP/1.1\r\n\r\n" * count))
        first = await recorder.taken()
        (connection,) = peer.front.connections
        await until(lambda: connection.held)
        assert len(connection._reader.ready) < 2000  # what 16 KiB can hold, and a few
        peer.front.handler = hello
        first.respond(200, "", [], b"")
        await peer.answer()
        answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nhello /"
        assert await peer.reader.readexactly(len(answer) * (count - 1) - len(peer._left_over)) is not None
        await sending


@on_a_loop
async def test_small_body_comes_with_its_request() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
        await asyncio.sleep(0.01)
        assert recorder.exchanges == []
        await peer.send(b"def")
        body = (await recorder.taken()).body
        assert isinstance(body, InlineBody)
        assert body.take() == b"abcdef"


@pytest.mark.parametrize("framing", [b"Content-Length: 70000", b"Transfer-Encoding: chunked"])
@on_a_loop
async def test_other_body_streams(framing: bytes) -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        body = (await recorder.taken()).body
        assert isinstance(body, IncomingBody)
        assert body.length == (70000 if b"70000" in framing else None)
        reading = asyncio.create_task(whole(body))
        for piece in (b"x" * 30000, b"y" * 40000):
            await peer.send(piece if b"70000" in framing else b"%x;ext=1\r\n%b\r\n" % (len(piece), piece))
        await peer.send(b"" if b"70000" in framing else b"0\r\nTrailer: dropped\r\n\r\n")
        assert await reading == b"x" * 30000 + b"y" * 40000
        recorder.exchanges[0].respond(200, "", [], None)
        assert (await peer.answer())[1] == {"content-length": "0"}
        assert recorder.exchanges[0].headers == [tuple(framing.decode().lower().split(": "))]


@on_a_loop
async def test_chunked_body_that_is_there_at_once_is_inline() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
        body = (await recorder.taken()).body
        assert isinstance(body, InlineBody)
        assert body.take() == b"abc"


@pytest.mark.parametrize("length", [3, 100_000])
@on_a_loop
async def test_client_that_expects_100_gets_it(length: int) -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: %d\r\n\r\n" % length)
        assert await peer.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await peer.send(b"x" * length)
        exchange = await recorder.taken()
        assert len(await whole(exchange.body)) == length
        exchange.respond(200, "", [], b"done")
        assert (await peer.answer())[2] == b"done"


@on_a_loop
async def test_100_is_not_sent_between_other_answers() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        (await recorder.taken()).respond(200, "", [], b"one")
        assert (await peer.answer())[2] == b"one"
        data = peer._left_over + await peer.reader.readexactly(25 - len(peer._left_over))
        assert data == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "kept", "says"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", False, "close"),
        (b"GET / HTTP/1.0\r\n\r\n", False, "close"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, "keep-alive"),
        (b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", True, None),
    ],
)
@on_a_loop
async def test_connection_is_kept_as_the_client_wants_it(head: bytes, kept: bool, says: str | None) -> None:
    async with visited(hello) as peer:
        await peer.send(head)
        status, headers, body = await peer.answer()
        assert (status, body, headers.get("connection")) == (200, b"hello /", says)
        if kept:
            await peer.send(head)
            assert (await peer.answer())[0] == 200
        else:
            await peer.send(b"GET /more HTTP/1.1\r\n\r\n")
            assert await peer.rest() == b""


@on_a_loop
async def test_upgrade_is_a_plain_request() -> None:
    recorder = Recorder()
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    async with visited(recorder) as peer:
        await peer.send(
            b"GET /1 HTTP/1.1\r\n%b\r\nPOST /2 HTTP/1.1\r\n%bContent-Length: 20\r\n\r\n" % (upgrade, upgrade)
        )
        (await recorder.taken()).respond(200, "", [], b"one")
        await peer.send(b"GET /3 HTTP/1.1\r\n\r\n!")
        second = await recorder.taken(2)
        assert await whole(second.body) == b"GET /3 HTTP/1.1\r\n\r\n!"
        second.respond(200, "", [], b"two")
        assert [(await peer.answer())[2] for _ in range(2)] == [b"one", b"two"]
        assert await peer.rest() == b""
        assert len(recorder.exchanges) == 2


REFUSED = {
    "garbage": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400),
    "a method of its own": (b"FROB / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "a host with a user": (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "length and chunked": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "a folded header": (b"GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", 400),
    "a NUL": (b"GET / HTTP/1.1\r\na: \0\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "no path": (b"OPTIONS * HTTP/1.1\r\n\r\n", 400),
    "a long header": (b"GET / HTTP/1.1\r\na: " + b"b" * 100_000, 431),
    "a long finished header": (b"GET / HTTP/1.1\r\na: " + b"b" * 66_000 + b"\r\n\r\n", 431),
    "a long name": (b"GET / HTTP/1.1\r\n" + b"b" * 100_000, 431),
    "a long target": (b"GET /" + b"b" * 100_000, 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 600, 431),
    "large headers": (b"GET / HTTP/1.1\r\n" + (b"a: " + b"b" * 997 + b"\r\n") * 100, 431),
}


@pytest.mark.parametrize("name", REFUSED)
@on_a_loop
async def test_bad_request_is_refused(name: str) -> None:
    """After the requests before it are answered; the client can read why."""
    data, status = REFUSED[name]
    async with visited(hello) as peer:
        await peer.send(b"GET /before HTTP/1.1\r\n\r\n" + data)
        assert (await peer.answer())[2] == b"hello /before"
        got, headers, body = await peer.answer()
        assert (got, headers["connection"]) == (status, "close")
        assert body
        assert await peer.rest() == b""


@on_a_loop
async def test_many_headers_are_taken_up_to_the_limit() -> None:
    async with visited(hello) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 512 + b"\r\n")
        assert (await peer.answer())[0] == 200


@pytest.mark.parametrize(
    "rest",
    [
        b"xyz\r\n",
        b"3\r\nabcde\r\n",
        b"1;" + b"x" * 200_000,
        b"0\r\na: " + b"b" * 200_000,
        b"0\r\n" + b"a: b\r\n" * 20_000,
    ],
)
@on_a_loop
async def test_malformed_body_breaks_off(rest: bytes) -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        exchange = await recorder.taken()
        await peer.send(rest)
        with pytest.raises(BodyBroken):
            await whole(exchange.body)
        exchange.respond(400, "", [], b"no")
        status, headers, body = await peer.answer()
        assert (status, headers["connection"], body) == (400, "close", b"no")
        assert await peer.rest() == b""
        assert len(recorder.exchanges) == 1


@on_a_loop
async def test_half_a_head_is_not_waited_for_for_ever() -> None:
    async with visited(hello, head_timeout_s=0.05) as peer, connected(peer.front.port) as idle:
        await peer.send(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHo")
        assert (await peer.answer())[0] == 200
        assert (await peer.answer())[0] == 408
        assert await peer.rest() == b""
        await idle.send(b"GET / HTTP/1.1\r\n\r\n")  # nothing was asked of it in the meantime
        assert (await idle.answer())[0] == 200


JUNK = (
    *(b"GET / HTTP/1.1\r\n", b"\r\n", b"Host: a\r\n", b"POST / HTTP/1.0\r\n", b"Content-Length: 5\r\n", b"hello"),
    *(b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: upgrade\r\nUpgrade: x\r\n", b"Connection: close\r\n"),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(JUNK),
        ),
        max_size=12,
    )
)
@on_a_loop
async def test_junk_is_answered_or_dropped(pieces: list[bytes]) -> None:
    """Whatever is sent, the front breaks nothing and is done with the client when the client is done."""
    async with visited(hello) as peer:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                await peer.send(piece)
            peer.writer.write_eof()
        with contextlib.suppress(ConnectionError):
            assert (await peer.rest())[:9] in (b"", b"HTTP/1.1 ")
        await until(lambda: not peer.front.connections)
        async with connected(peer.front.port) as other:
            await other.send(b"GET / HTTP/1.1\r\n\r\n")
            assert (await other.answer())[0] == 200
