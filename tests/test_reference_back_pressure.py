"""The front of the reference runtime: nobody who does not read is sent to, and whoever goes is told of."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from harness.adapters.reference.control.bodies import (
    BodyBroken,
    PipeBody,
)
from harness.adapters.reference.control.exchange import Exchange
from tests.http_peers import (
    CHUNK,
    HELD_BYTES,
    Endless,
    Recorder,
    connected,
    fill,
    on_a_loop,
    served,
    stalled,
    until,
    visited,
    whole,
)


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
