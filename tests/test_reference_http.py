"""The HTTP edges of the reference runtime's control plane: bodies, the front, the client and the firewall."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import h11
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.loopback import ipv6_spellings, spellings
from harness.adapters.reference.control.bodies import (
    EMPTY,
    Body,
    BodyBroken,
    IncomingBody,
    InlineBody,
    PipeBody,
    UnsafeField,
    field_lines,
)
from harness.adapters.reference.control.exchange import Exchange
from harness.adapters.reference.control.front import Front
from harness.adapters.reference.control.http_client import Answer, HttpClient
from harness.adapters.reference.control.outbound import OutboundRefused, OutboundRules, Route

DEADLINE_S = 60.0
"""Safety deadline of one test, far beyond what it needs."""

STALLED_S = 0.5
"""A sender that got rid of nothing for so long is held by back-pressure; if it is only slow, less was taken in."""

HELD_BYTES = 16 << 20
"""What may be under way unread, the kernel's socket buffers included; the bodies sent are several times as large."""

CHUNK = bytes(range(256)) * 256
Handler = Callable[[Exchange], None]
Arguments = ParamSpec("Arguments")


def on_a_loop(test: Callable[Arguments, Coroutine[Any, Any, None]]) -> Callable[Arguments, None]:
    """Run a test on a loop of its own; an error that nobody but the loop sees fails it."""

    @functools.wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        unseen: list[dict[str, Any]] = []

        async def bounded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
            async with asyncio.timeout(DEADLINE_S):
                await test(*args, **kwargs)

        uvloop.run(bounded())
        assert unseen == []

    return run


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


class Peer:
    """A client at the level of bytes, with h11 as the judge of what it gets."""

    front: Front

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._left_over = b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """The next answer. Raises `h11.RemoteProtocolError` for one that broke off or is none."""
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        http.send(h11.EndOfMessage())
        http.receive_data(self._left_over) if self._left_over else None
        head, body = None, bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self.reader.read(1 << 16))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
        assert head is not None
        self._left_over = http.trailing_data[0]
        return head.status_code, {n.decode(): v.decode() for n, v in head.headers}, bytes(body)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection. Raises `ConnectionError` when it does not end in good order."""
        return self._left_over + await self.reader.read()

    def hang_up(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def served(handler: Handler, **settings: float) -> AsyncIterator[Front]:
    front = Front("127.0.0.1", handler, **settings)
    await front.open()
    try:
        yield front
    finally:
        front.close()
        await until(lambda: not front.connections)


@contextlib.asynccontextmanager
async def visited(handler: Handler, **settings: float) -> AsyncIterator[Peer]:
    async with served(handler, **settings) as front, connected(front.port) as peer:
        peer.front = front
        yield peer


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Peer]:
    peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield peer
    finally:
        peer.hang_up()
        with contextlib.suppress(ConnectionError):
            await peer.writer.wait_closed()


def hello(exchange: Exchange) -> None:
    exchange.respond(200, "OK", [("content-type", "text/plain")], b"hello " + exchange.target.encode())


class Recorder:
    """Keeps the exchanges it is handed, for the test to answer."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.gone: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> None:
        exchange.on_gone = lambda: self.gone.append(exchange)
        self.exchanges.append(exchange)

    async def taken(self, count: int = 1) -> Exchange:
        await until(lambda: len(self.exchanges) >= count)
        return self.exchanges[count - 1]


class Endless:
    """A body that counts what was taken of it. `length` bytes in all, chunked when `told` is false."""

    def __init__(self, length: int, *, told: bool = False) -> None:
        self.length: int | None = length if told else None
        self.left_bytes = length
        self.taken_bytes = 0
        self.closed = False

    async def read(self) -> bytes:
        chunk = CHUNK[: self.left_bytes]
        self.left_bytes -= len(chunk)
        self.taken_bytes += len(chunk)
        return chunk

    def close(self) -> None:
        self.closed = True


async def stalled(progress: Callable[[], int]) -> int:
    """Wait until the number no longer grows."""
    before = -1
    while before != (before := progress()):
        await asyncio.sleep(STALLED_S)
    return before


async def fill(pipe: PipeBody) -> None:
    while True:
        await pipe.write(b"x")


async def whole(body: Body | None) -> bytes:
    data = bytearray()
    while body is not None and (chunk := await body.read()):
        data += chunk
    return bytes(data)


# Bodies.


@on_a_loop
async def test_inline_body_is_read_once() -> None:
    body = InlineBody(b"abc")
    assert (body.length, await body.read(), await body.read()) == (3, b"abc", b"")
    assert InlineBody(b"abc").take() == b"abc"
    EMPTY.close()
    assert (EMPTY.length, await EMPTY.read()) == (0, b"")


@on_a_loop
async def test_pipe_hands_over_one_chunk_at_a_time() -> None:
    pipe, written = PipeBody(), []

    async def write() -> None:
        for chunk in (b"a", b"", b"b"):
            await pipe.write(chunk)
            written.append(chunk)
        pipe.end()

    writer = asyncio.create_task(write())
    await asyncio.sleep(0)
    assert written == []
    assert await pipe.read() == b"a"
    await asyncio.sleep(0)
    assert written == [b"a", b""]
    assert (await pipe.read(), await pipe.read(), await pipe.read()) == (b"b", b"", b"")
    await writer


@on_a_loop
async def test_pipe_breaks_for_the_reader_and_for_the_writer() -> None:
    pipe = PipeBody()
    reading = asyncio.create_task(pipe.read())
    await asyncio.sleep(0)
    pipe.fail("no more")
    with pytest.raises(BodyBroken, match="no more"):
        await reading
    pipe = PipeBody(5)
    writing = asyncio.create_task(pipe.write(b"x"))
    await asyncio.sleep(0)
    pipe.close()
    pipe.close()
    for broken in (writing, pipe.write(b"y"), pipe.read()):
        with pytest.raises(BodyBroken):
            await broken


@on_a_loop
async def test_pipe_forgets_the_chunk_of_a_writer_that_was_cancelled() -> None:
    pipe = PipeBody()
    writing = asyncio.create_task(pipe.write(b"x"))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    pipe.end()
    assert await pipe.read() == b""


@on_a_loop
async def test_incoming_body_tells_when_it_is_full() -> None:
    changes: list[bool] = []
    body = IncomingBody(None, lambda: changes.append(body.full))
    for _ in range(2000):
        body.feed(b"x")  # a chunk costs more than its bytes
    assert changes == [True]
    assert len(await body.read()) == 2000
    assert changes == [True, False]
    body.feed(b"y")
    body.fail("cut")
    assert await body.read() == b"y"
    with pytest.raises(BodyBroken, match="cut"):
        await body.read()


@pytest.mark.parametrize(
    "field",
    [
        ("a", "b\r\nc: d"),
        ("a", "b\nc"),
        ("a", "b\rc"),
        ("a", "\0"),
        ("a\r\nb", "c"),
        ("a: b", "c"),
        ("", "c"),
        ("a", "€"),
    ],
)
def test_field_that_would_split_a_head_is_refused(field: tuple[str, str]) -> None:
    with pytest.raises(UnsafeField):
        field_lines([("x", "y"), field])


def test_fields_of_the_connection_are_not_sent_on() -> None:
    of_it = "Connection Content-Length Expect Keep-Alive Proxy-Authorization TE Trailer Transfer-Encoding Upgrade"
    given = [(name, "x") for name in of_it.split()] + [("X-A", "1"), ("Set-Cookie", "a"), ("set-cookie", "b\xe9")]
    assert field_lines(given) == "x-a: 1\r\nset-cookie: a\r\nset-cookie: b\xe9\r\n"
    assert field_lines([("Host", "a"), ("b", "c")], but="host") == "b: c\r\n"


# The front: requests.


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


# The front: answers.


@on_a_loop
async def test_answer_to_head_has_no_body() -> None:
    stream = Endless(10, told=True)
    answers: list[tuple[list[tuple[str, str]], Body | bytes | None]] = [
        ([], b"four"),
        ([("Content-Length", "77")], None),
        ([], None),
        ([], stream),
        ([], Endless(10)),
    ]

    def handler(exchange: Exchange) -> None:
        headers, body = answers[int(exchange.target[1:])]
        exchange.respond(200, "", headers, body)

    async with visited(handler) as peer:
        await peer.send(b"".join(b"HEAD /%d HTTP/1.1\r\n\r\n" % n for n in range(5)))
        told = [(await peer.answer("HEAD"))[1].get("content-length") for _ in range(5)]
        assert told == ["4", "77", None, "10", None]
        assert stream.closed
        assert stream.taken_bytes == 0


@pytest.mark.parametrize("status", [204, 304])
@on_a_loop
async def test_answer_without_content_has_no_body(status: int) -> None:
    def handler(exchange: Exchange) -> None:
        exchange.respond(status, "", [("etag", "x")], b"not sent")

    async with visited(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n" * 2)
        for _ in range(2):
            assert await peer.answer() == (status, {"etag": "x"}, b"")


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@on_a_loop
async def test_stream_is_sent_whole(told: bool, version: bytes) -> None:
    size = len(CHUNK) * 3 + 5
    stream = Endless(size, told=told)
    async with visited(lambda exchange: exchange.respond(200, "", [], stream)) as peer:
        await peer.send(b"GET / HTTP/%b\r\n\r\n" % version)
        _, headers, body = await peer.answer()
        assert body == (CHUNK * 4)[:size]
        assert headers.get("content-length") == (str(size) if told else None)
        chunked = version == b"1.1" and not told
        assert headers.get("transfer-encoding") == ("chunked" if chunked else None)
        await until(lambda: stream.closed)


@pytest.mark.parametrize("length", [None, 4, 6])
@on_a_loop
async def test_stream_that_breaks_off_or_is_not_as_long_as_told_breaks_the_connection(length: int | None) -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        pipe = PipeBody(length)
        exchange = await recorder.taken()
        exchange.respond(200, "", [], pipe)
        await pipe.write(b"abc")
        with contextlib.suppress(BodyBroken):
            if length is None:
                pipe.fail("oh")
            else:
                await pipe.write(b"de")
                pipe.end()
        with pytest.raises((h11.RemoteProtocolError, ConnectionError)):
            await peer.answer()
        assert recorder.gone == []  # it was not the client


@on_a_loop
async def test_failure_after_the_head_breaks_the_connection() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        pipe = PipeBody()
        exchange = await recorder.taken()
        exchange.respond(200, "", [], pipe)
        await pipe.write(b"abc")
        exchange.respond_error(500, "too late")
        with pytest.raises((h11.RemoteProtocolError, ConnectionError)):
            await peer.answer()
        with pytest.raises(BodyBroken):
            await pipe.write(b"more")


@on_a_loop
async def test_only_the_first_answer_counts() -> None:
    late = Endless(1)

    def handler(exchange: Exchange) -> None:
        exchange.respond(200, "", [], b"first")
        exchange.respond(200, "", [], late)
        exchange.respond_error(500, "third")

    async with visited(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n" * 2)
        assert [(await peer.answer())[2] for _ in range(2)] == [b"first", b"first"]
        assert late.closed


@pytest.mark.parametrize(
    "answer",
    [
        (200, "", [("a", "b\r\nSet-Cookie: x=y")]),
        (200, "", [("a\r\nb", "c")]),
        (200, "", [("a", "b\0")]),
        (200, "", [("a", "€")]),
        (101, "", []),
        (1000, "", []),
    ],
)
@on_a_loop
async def test_answer_that_cannot_be_sent_becomes_a_500(answer: tuple[int, str, list[tuple[str, str]]]) -> None:
    stream = Endless(1 << 20)
    async with visited(lambda exchange: exchange.respond(*answer, stream)) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        status, headers, _ = await peer.answer()
        assert (status, set(headers)) == (500, {"content-type", "content-length"})
        assert stream.closed


@on_a_loop
async def test_reason_cannot_split_the_head() -> None:
    reasons = {"/0": "Fine\r\nSet-Cookie: x=y", "/1": "Fine", "/2": "€"}
    async with visited(lambda exchange: exchange.respond(200, reasons[exchange.target], [], None)) as peer:
        await peer.send(b"GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.0\r\n\r\n")
        data = await peer.rest()
        lines = [line for line in data.split(b"\r\n") if line.startswith(b"HTTP")]
        assert lines == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 Fine", b"HTTP/1.1 200 OK"]
        assert b"Cookie" not in data


@on_a_loop
async def test_framing_of_the_answer_is_the_fronts() -> None:
    given = [("Content-Length", "999"), ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("x", "y")]
    async with visited(lambda exchange: exchange.respond(200, "", given, b"abc")) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n" * 2)
        for _ in range(2):
            assert await peer.answer() == (200, {"x": "y", "content-length": "3"}, b"abc")


@on_a_loop
async def test_handler_that_fails_is_a_500() -> None:
    def handler(exchange: Exchange) -> None:
        raise LookupError(exchange.target)

    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
    async with visited(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await peer.answer())[0] == 500
    assert [type(error) for error in seen] == [LookupError]


@on_a_loop
async def test_answer_before_the_end_of_the_request_can_be_read() -> None:
    """A client that goes on sending reads the answer, is told that the connection ends, and the body is over."""
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 300_000)
        exchange = await recorder.taken()
        exchange.respond(413, "", [], b"too much")
        await peer.send(b"x" * 1_000_000)
        status, headers, body = await peer.answer()
        assert (status, headers["connection"], body) == (413, "close", b"too much")
        assert await peer.rest() == b""
        with pytest.raises(BodyBroken):
            await whole(exchange.body)
        assert recorder.gone == []


# The front: back-pressure, and clients that go.


@on_a_loop
async def test_body_that_nobody_reads_is_not_taken_in() -> None:
    recorder, count = Recorder(), 1024
    async with visited(recorder) as peer:
        sent = 0

        async def send() -> None:
            nonlocal sent
            await peer.send(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (count * len(CHUNK)))
            for _ in range(count):
                await peer.send(CHUNK)
                sent += len(CHUNK)

        sending = asyncio.create_task(send())
        exchange = await recorder.taken()
        held_bytes = await stalled(lambda: sent)
        assert 0 < held_bytes < HELD_BYTES
        assert exchange.body is not None
        received = 0
        while chunk := await exchange.body.read():
            assert len(chunk) < 1 << 20
            received += len(chunk)
        await sending
        assert received == count * len(CHUNK)


@on_a_loop
async def test_answer_that_nobody_reads_is_not_produced() -> None:
    stream = Endless(64 << 20)
    async with visited(lambda exchange: exchange.respond(200, "", [], stream)) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        assert 0 < await stalled(lambda: stream.taken_bytes) < 2 * HELD_BYTES
        assert len((await peer.answer())[2]) == 64 << 20


@on_a_loop
async def test_answers_that_nobody_reads_are_not_asked_for() -> None:
    answered = 0

    def handler(exchange: Exchange) -> None:
        nonlocal answered
        answered += 1
        exchange.respond(200, "", [], b"x" * (1 << 20))

    async with visited(handler) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n" * 60)
        assert await stalled(lambda: answered) < 40
        for _ in range(60):
            assert len((await peer.answer())[2]) == 1 << 20


@on_a_loop
async def test_echo_streams_both_ways_at_once() -> None:
    async with visited(lambda exchange: exchange.respond(200, "", [], exchange.body)) as peer:
        count = 400
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (count * len(CHUNK))
        sending = asyncio.create_task(peer.send(head + CHUNK * count))
        status, headers, body = await peer.answer()
        await sending
        assert (status, headers["content-length"]) == (200, str(count * len(CHUNK)))
        assert body == CHUNK * count
        await peer.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        assert (await peer.answer())[2] == b"ok"


@on_a_loop
async def test_client_that_hangs_up_before_the_answer_is_told_of() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        exchange = await recorder.taken()
        peer.hang_up()
        await until(lambda: recorder.gone)
        late = Endless(1)
        exchange.respond(200, "", [], late)
        await until(lambda: not peer.front.connections)
        assert late.closed
        assert recorder.gone == recorder.exchanges == [exchange]


@on_a_loop
async def test_client_that_hangs_up_within_the_answer_is_told_of() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        pipe = PipeBody()
        (await recorder.taken()).respond(200, "", [], pipe)
        await pipe.write(b"x")
        peer.hang_up()
        await until(lambda: recorder.gone)
        with pytest.raises(BodyBroken):
            await fill(pipe)
        assert len(recorder.gone) == 1


@on_a_loop
async def test_client_that_hangs_up_within_the_request_is_told_of() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc")
        exchange = await recorder.taken()
        peer.hang_up()
        with pytest.raises(BodyBroken):
            await whole(exchange.body)
        assert recorder.gone == [exchange]


@on_a_loop
async def test_client_that_is_held_and_hangs_up_is_told_of() -> None:
    """Although its hanging up stands behind bytes that nobody reads."""
    recorder = Recorder()
    async with visited(recorder) as peer:
        sending = asyncio.create_task(peer.send(b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 150_000))
        await recorder.taken()
        (connection,) = peer.front.connections
        await until(lambda: connection.held)
        await sending
        peer.writer.close()
        await until(lambda: recorder.gone)


@on_a_loop
async def test_answered_client_is_not_told_of() -> None:
    recorder = Recorder()
    async with visited(recorder) as peer:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        (await recorder.taken()).respond(200, "", [], b"done")
        await peer.answer()
        peer.hang_up()
        await until(lambda: not peer.front.connections)
        assert recorder.gone == []


@on_a_loop
async def test_close_drops_everybody() -> None:
    recorder = Recorder()
    async with served(recorder) as front, connected(front.port) as peer, connected(front.port) as idle:
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        await recorder.taken()
        front.close()
        for each in (peer, idle):
            with contextlib.suppress(ConnectionError):
                assert await each.rest() == b""
        assert len(recorder.gone) == 1
        with pytest.raises(OSError, match=r"refused|[Cc]onnect"):
            await asyncio.open_connection("127.0.0.1", front.port)


# The client.


class Script:
    """A server that reads whole requests and answers with given bytes; None hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.open_connections = 0
        self.port = 0
        self.piece_bytes = 1 << 20

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            while True:
                http, data = h11.Connection(h11.SERVER), b""
                while True:
                    event = http.next_event()
                    if event is h11.NEED_DATA:
                        received = await reader.read(1 << 16)
                        data += received
                        http.receive_data(received)
                    elif isinstance(event, h11.EndOfMessage):
                        break
                    elif isinstance(event, h11.ConnectionClosed):
                        return
                self.requests.append(data)
                answer = self.answers.pop(0) if self.answers else None
                if answer is None:
                    return
                for start in range(0, len(answer), self.piece_bytes):
                    writer.write(answer[start : start + self.piece_bytes])
                    await writer.drain()
                    await asyncio.sleep(0)
                if answer.endswith(b"until close"):
                    return
        except (ConnectionError, h11.RemoteProtocolError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()


@contextlib.asynccontextmanager
async def scripted(*answers: bytes | None) -> AsyncIterator[tuple[Script, HttpClient]]:
    script, client = Script(*answers), HttpClient()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script, client
    finally:
        client.close()
        await until(lambda: not script.open_connections)
        server.close()
        await server.wait_closed()


def ask(client: HttpClient, port: int, **given: Any) -> Awaitable[Answer]:
    request: dict[str, Any] = {"method": "GET", "target": "/", "authority": "a.example", "headers": [], "body": None}
    return client.request(address="127.0.0.1", port=port, **(request | given))


OK = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok"


@on_a_loop
async def test_request_is_sent_with_its_own_framing_and_host() -> None:
    async with scripted(OK, OK, OK, OK) as (script, client):
        fields = [("Host", "evil"), ("Connection", "close"), ("Content-Length", "9"), ("TE", "x"), ("X-Y", "z")]
        answer = await ask(client, script.port, target="/a?b", headers=fields)
        assert (answer.status, answer.reason) == (200, "Fine")
        assert answer.headers == [("content-length", "2"), ("x-a", "1")]
        assert isinstance(answer.body, InlineBody)
        assert answer.body.take() == b"ok"
        await ask(client, script.port, method="POST", body=InlineBody(b"abc"))
        pipe = PipeBody()
        asking = asyncio.ensure_future(ask(client, script.port, method="POST", body=pipe))
        await pipe.write(b"de")
        pipe.end()
        await asking
        await ask(client, script.port, method="POST")
        assert script.requests == [
            b"GET /a?b HTTP/1.1\r\nhost: a.example\r\nx-y: z\r\n\r\n",
            b"POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\nabc",
            b"POST / HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n",
        ]
        assert script.connections == 1


@pytest.mark.parametrize(
    "given",
    [
        {"method": "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"},
        {"method": "CONNECT"},
        {"target": "/ HTTP/1.1\r\nx: y"},
        {"target": "/a b"},
        {"authority": "a\r\nx: y"},
        {"headers": [("a", "b\r\nc: d")]},
        {"headers": [("a: b\r\nc", "d")]},
    ],
)
@on_a_loop
async def test_request_that_would_be_another_is_refused(given: dict[str, Any]) -> None:
    async with scripted(OK) as (script, client):
        body = Endless(1)
        with pytest.raises(OutboundRefused):
            await ask(client, script.port, body=body, **given)
        assert (script.connections, body.closed) == (0, True)


@on_a_loop
async def test_names_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    client = HttpClient()
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", lambda *_: pytest.fail("it was connected to"))
    with pytest.raises(OutboundRefused):
        await client.request(
            address="localhost", port=80, method="GET", target="/", authority="x", headers=[], body=None
        )


@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
@pytest.mark.parametrize(
    ("raw", "body", "connections"),
    [
        (OK, b"ok", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nT: r\r\n\r\n", b"ok", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"ok", 1),
        (b"HTTP/1.1 200 OK\r\n\r\nok until close", b"ok until close", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", 2),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", b"ok", 2),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", 1),
        (OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"ok", 2),
    ],
)
@on_a_loop
async def test_answer_is_read_to_its_end(raw: bytes, body: bytes, connections: int, piece_bytes: int) -> None:
    """And the connection is kept when that is known, and when nothing came behind it."""
    async with scripted(raw, OK) as (script, client):
        script.piece_bytes = piece_bytes
        answer = await ask(client, script.port)
        assert await whole(answer.body) == body
        assert "early hints" not in str(answer.headers).lower()
        if raw.endswith(b"evil"):
            await until(lambda: not client._idle)
        assert await whole((await ask(client, script.port)).body) == b"ok"
        assert script.connections == connections


@on_a_loop
async def test_answer_to_head_is_its_head() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scripted(head, chunked, OK) as (script, client):
        for _ in range(2):
            answer = await ask(client, script.port, method="HEAD")
            assert await whole(answer.body) == b""
        assert await whole((await ask(client, script.port)).body) == b"ok"
        assert script.connections == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 200_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 600 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + (b"a: " + b"b" * 997 + b"\r\n") * 100 + b"\r\n",
        b"HTTP/1.1 200 " + b"b" * 200_000,
        None,
        b"HTTP/1.1 200 OK\r\nuntil close",
    ],
)
@on_a_loop
async def test_no_answer_is_a_connection_error(raw: bytes | None) -> None:
    async with scripted(raw) as (script, client):
        with pytest.raises(ConnectionError):
            await ask(client, script.port, body=InlineBody(b"x"))
        assert len(script.requests) == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
@on_a_loop
async def test_answer_that_breaks_off_is_seen_to(framing: bytes) -> None:
    async with scripted(b"HTTP/1.1 200 OK\r\n%b\r\n\r\nb\r\nuntil close" % framing) as (script, client):
        answer = await ask(client, script.port)
        with pytest.raises(BodyBroken):
            await whole(answer.body)


@on_a_loop
async def test_request_that_met_a_closed_connection_is_sent_again() -> None:
    async with scripted(OK, None, OK, None, OK) as (script, client):
        for body in (None, None, InlineBody(b"kept")):
            assert await whole((await ask(client, script.port, body=body)).body) == b"ok"
        assert script.connections == 3
        assert len(script.requests) == 5
        assert script.requests[-1] == script.requests[-2]


@on_a_loop
async def test_request_is_not_sent_again_once_its_body_has_begun() -> None:
    async with scripted(OK, None, OK) as (script, client):
        await ask(client, script.port)
        body = Endless(10)
        with pytest.raises(ConnectionError):
            await ask(client, script.port, method="POST", body=body)
        assert (len(script.requests), body.closed) == (2, True)


@on_a_loop
async def test_connection_that_the_server_closes_is_forgotten() -> None:
    front = Front("127.0.0.1", hello)
    await front.open()
    client = HttpClient()
    await ask(client, front.port)
    assert len(client.links) == 1
    front.close()
    await until(lambda: not client.links)
    assert client._idle == {}
    with pytest.raises(OSError, match=r"refused|[Cc]onnect"):
        await ask(client, front.port)


@on_a_loop
async def test_requests_at_once_have_connections_of_their_own() -> None:
    recorder = Recorder()
    client = HttpClient()
    async with served(recorder) as front:
        asking = [asyncio.ensure_future(ask(client, front.port, target=f"/{n}")) for n in range(5)]
        await recorder.taken(5)
        for exchange in recorder.exchanges:
            hello(exchange)
        answers = [await whole((await each).body) for each in asking]
        assert answers == [b"hello /%d" % n for n in range(5)]
        front.handler = hello
        await asyncio.gather(*(ask(client, front.port) for _ in range(5)))
        assert len(front.connections) == 5
        client.close()


@on_a_loop
async def test_cancelled_request_closes_its_connection() -> None:
    recorder = Recorder()
    client = HttpClient()
    async with served(recorder) as front:
        body = PipeBody()
        asking = asyncio.ensure_future(ask(client, front.port, method="POST", body=body))
        await body.write(b"x")
        await recorder.taken()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: recorder.gone)
        with pytest.raises(BodyBroken):
            await body.write(b"y")
        assert client.links == set()


@pytest.mark.parametrize("answered", [True, False])
@on_a_loop
async def test_cancelled_request_without_body_closes_its_connection(answered: bool) -> None:
    recorder = Recorder()
    client = HttpClient()
    async with served(recorder) as front:
        asking = asyncio.ensure_future(ask(client, front.port))
        exchange = await recorder.taken()
        if answered:  # the answer's head may be on its way when it is cancelled
            exchange.respond(200, "", [], PipeBody(1))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: recorder.gone and not client.links)


@pytest.mark.parametrize("ticks", range(6))
@on_a_loop
async def test_request_cancelled_while_it_connects_leaves_nothing(ticks: int) -> None:
    client, body = HttpClient(), PipeBody()
    async with served(Recorder()) as front:
        asking = asyncio.ensure_future(ask(client, front.port, method="POST", body=body))
        for _ in range(1 + ticks):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        with pytest.raises(BodyBroken):
            await fill(body)
        await until(lambda: not client.links and not front.connections)


@on_a_loop
async def test_answer_that_is_not_read_on_closes_its_connection() -> None:
    client, stream = HttpClient(), Endless(64 << 20)
    async with served(lambda exchange: exchange.respond(200, "", [], stream)) as front:
        answer = await ask(client, front.port)
        assert await answer.body.read()
        answer.body.close()
        await until(lambda: not client.links and stream.closed)


@on_a_loop
async def test_answer_that_nobody_reads_is_not_taken_in() -> None:
    client, stream = HttpClient(), Endless(64 << 20, told=True)
    async with served(lambda exchange: exchange.respond(200, "", [], stream)) as front:
        answer = await ask(client, front.port)
        assert answer.body.length == 64 << 20
        assert 0 < await stalled(lambda: stream.taken_bytes) < 2 * HELD_BYTES
        received = 0
        while chunk := await answer.body.read():
            assert len(chunk) < 1 << 20
            received += len(chunk)
        assert received == 64 << 20
        assert len(client.links) == 1
        client.close()


@on_a_loop
async def test_request_body_that_nobody_takes_is_not_read() -> None:
    client, recorder, body = HttpClient(), Recorder(), Endless(64 << 20)
    async with served(recorder) as front:
        asking = asyncio.ensure_future(ask(client, front.port, method="PUT", body=body))
        exchange = await recorder.taken()
        assert 0 < await stalled(lambda: body.taken_bytes) < HELD_BYTES
        exchange.respond(200, "", [], exchange.body)
        answer = await asking
        assert len(await whole(answer.body)) == 64 << 20
        assert body.closed
        client.close()


@on_a_loop
async def test_early_answer_ends_the_upload() -> None:
    client, body = HttpClient(), PipeBody(1 << 20)
    async with served(lambda exchange: exchange.respond(413, "", [], b"no")) as front:
        asking = asyncio.ensure_future(ask(client, front.port, method="PUT", body=body))
        answer = await asking
        assert (answer.status, await whole(answer.body)) == (413, b"no")
        with pytest.raises(BodyBroken):
            await fill(body)
        await until(lambda: not client.links)


@on_a_loop
async def test_connection_within_an_upload_is_not_kept() -> None:
    """Although the server answered as if it were to be: what is asked next would be taken for the rest of the body."""
    received: list[bytes] = []

    async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        received.append(await reader.read())
        writer.close()

    client, body = HttpClient(), PipeBody(10)
    async with await asyncio.start_server(answer_at_once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await ask(client, port, method="PUT", body=body)
        assert await whole(answer.body) == b"ok"
        await ask(client, port)
        await until(lambda: len(received) >= 3)
        assert sorted(data[:5] for data in received) == [b"", b"GET /", b"PUT /"]
        client.close()
        await until(lambda: len(received) == 4)


@pytest.mark.parametrize("length", [None, 2, 9])
@on_a_loop
async def test_request_body_that_breaks_off_breaks_the_request(length: int | None) -> None:
    client, recorder, body = HttpClient(), Recorder(), PipeBody(length)
    async with served(recorder) as front:
        asking = asyncio.ensure_future(ask(client, front.port, method="PUT", body=body))
        await body.write(b"abc")
        body.fail("oh") if length is None else body.end()
        with pytest.raises(BodyBroken):
            await asking
        await until(lambda: not client.links)


# The firewall.

PUBLIC = "127.64.3.4"
GOOD = {
    f"http://{PUBLIC}/": Route(address=PUBLIC, port=80, target="/", authority=PUBLIC),
    f"http://{PUBLIC}:8080/a/b?c=d%20": Route(
        address=PUBLIC, port=8080, target="/a/b?c=d%20", authority=f"{PUBLIC}:8080"
    ),
    f"http://{PUBLIC}:1": Route(address=PUBLIC, port=1, target="/", authority=f"{PUBLIC}:1"),
    f"http://{PUBLIC}/a?b#c?d": Route(address=PUBLIC, port=80, target="/a?b", authority=PUBLIC),
    f"http://{PUBLIC}/#@127.0.0.1/": Route(address=PUBLIC, port=80, target="/", authority=PUBLIC),
    f"http://{PUBLIC}//evil@x:1/..": Route(address=PUBLIC, port=80, target="//evil@x:1/..", authority=PUBLIC),
    "http://[::1]:81/x": Route(address="::1", port=81, target="/x", authority="[::1]:81"),
}
NOT_CANONICAL = (
    *("", "/", "http:", "http://", "http:///", f"//{PUBLIC}/", f"http:{PUBLIC}/", f"http:\\\\{PUBLIC}\\"),
    *(f"HTTP://{PUBLIC}/", f"ftp://{PUBLIC}/", f"ws://{PUBLIC}/", f"http://{PUBLIC}:/", f"http://{PUBLIC}:080/"),
    *(f"http://{PUBLIC}:80/", f"http://{PUBLIC}:0/", f"http://{PUBLIC}:65536/", f"http://{PUBLIC}:-1/"),
    *(f"http://a@{PUBLIC}/", f"http://a:b@{PUBLIC}/", f"http://{PUBLIC}@127.0.0.1/", f"http://@{PUBLIC}/"),
    *(
        f" http://{PUBLIC}/",
        f"http://{PUBLIC}/ ",
        f"http://{PUBLIC}/\r\nx: y",
        f"http://{PUBLIC}\n/",
        f"http://{PUBLIC}/\n",
    ),
    *(
        f"http://{PUBLIC}/\u00e9",
        f"http://{PUBLIC}\0/",
        f"http://{PUBLIC}?a",
        f"http://{PUBLIC}#a",
        f"http://{PUBLIC}\\a",
    ),
    *("http://127.64.3.04/", "http://127.64.772/", "http://2134901508/", "http://0x7f400304/", "http://127.64.3.4./"),
    *(
        "http://[::1/",
        "http://::1/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::0001]/",
        "http://[::1%25lo]/",
        "http://[]/",
    ),
    *("http://[::ffff:127.64.3.4]/", "http://[::FFFF:1:1]/", "http://[127.64.3.4]/", "http://\uff11.2.3.4/"),
    *(
        "http://Name/",
        "http://na me/",
        "http://na%6de/",
        "http://.name/",
        "http://na..me/",
        "http://a.0x7f/",
        "http://1/",
    ),
    "http://" + "a" * 300 + "/",
)
OUT_OF_REACH = (
    *("http://127.64.3.5/", "http://127.0.0.1/", "http://0.0.0.0/", "http://[::]/", "http://[::ffff:7f40:304]/"),
    *(
        "http://localhost/",
        "http://name/",
        "http://name.example:81/a",
        "http://127.64.3.4.nip.example/",
        "http://auth./",
    ),
    *("http://169.254.169.254/", "http://192.0.2.1/", "http://[::ffff:0:1]/", f"https://{PUBLIC}/", "https://name/"),
)


@pytest.mark.parametrize("url", GOOD)
def test_public_address_is_reached(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC, "::1"])
    assert rules.route(url) == GOOD[url]
    rules.check_hop(url)


@pytest.mark.parametrize("url", NOT_CANONICAL)
def test_url_that_is_not_canonical_is_refused(url: str) -> None:
    for rules in (OutboundRules(public=[PUBLIC, "::1", "127.0.0.1"]), OutboundRules(gateway="127.0.0.1:9")):
        with pytest.raises(OutboundRefused):
            rules.route(url)
        with pytest.raises(OutboundRefused):
            rules.check_hop(url)


@pytest.mark.parametrize("url", OUT_OF_REACH)
def test_everything_else_is_out_of_reach(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC])
    with pytest.raises(OutboundRefused):
        rules.route(url)
    with pytest.raises(OutboundRefused):
        rules.check_hop(url)


def test_no_spelling_of_loopback_is_reached() -> None:
    rules = OutboundRules(public=[PUBLIC])
    for url in (spellings(8080, public=PUBLIC) | ipv6_spellings(8080)).values():
        with pytest.raises(OutboundRefused):
            rules.route(url)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://auth/to-1", "auth", "/to-1"),
        ("https://auth.example.workers.dev/a?b", "auth.example.workers.dev", "/a?b"),
        ("https://name:80/", "name:80", "/"),
        ("http://127.0.0.1:5/", "127.0.0.1:5", "/"),
        ("http://[::1]/", "[::1]", "/"),
    ],
)
def test_gateway_gets_everything(url: str, authority: str, target: str) -> None:
    rules = OutboundRules(public=[PUBLIC], gateway="127.9.9.9:1234")
    assert rules.route(url) == Route(address="127.9.9.9", port=1234, target=target, authority=authority)


def test_gateway_is_an_address() -> None:
    for gateway in ("localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", ":80"):
        with pytest.raises(ValueError):  # noqa: PT011 - any
            OutboundRules(gateway=gateway)
    assert OutboundRules(gateway="[::1]:80").route("http://a/").address == "::1"


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="0123456789abcdefx.:/[]@#?%\\-", max_size=30).map("http://".__add__),
        st.tuples(st.ip_addresses(), st.integers(-1, 70_000), st.text(max_size=8)).map(
            lambda parts: f"http://{parts[0]}:{parts[1]}/{parts[2]}"
        ),
        st.lists(st.sampled_from([PUBLIC, "127.0.0.1", "@", ":80", "#", "/", "\\", "[", "]", "::1", "?", "%2e"])).map(
            lambda parts: "http://" + "".join(parts)
        ),
    )
)
def test_junk_reaches_nothing_but_what_is_public(url: str) -> None:
    rules = OutboundRules(public=[PUBLIC])
    try:
        route = rules.route(url)
    except OutboundRefused:
        return
    assert route.address == PUBLIC
    assert url.startswith(f"http://{route.authority}")
    assert route.authority in (PUBLIC, f"{PUBLIC}:{route.port}")
    assert route.target.startswith("/")
    assert route.target.isascii()
    assert route.target.isprintable()
    assert " " not in route.target


def test_rules_can_be_weakened_at_their_points() -> None:
    class Weak(OutboundRules):
        def is_public(self, address: str) -> bool:
            return True

    assert Weak().route("http://127.0.0.1:9/").address == "127.0.0.1"
    with pytest.raises(OutboundRefused):
        Weak().route("http://localhost/")
