"""The front of the reference runtime: from answers to what a client reads."""

from __future__ import annotations

import asyncio
import contextlib

import h11
import pytest

from harness.adapters.reference.control.bodies import (
    Body,
    BodyBroken,
    PipeBody,
)
from harness.adapters.reference.control.exchange import Exchange
from tests.http_peers import CHUNK, Endless, Recorder, on_a_loop, until, visited, whole


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
