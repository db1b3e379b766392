"""The reference runtime's HTTP client: what is cancelled, broken off or not taken leaves no connection behind."""

from __future__ import annotations

import asyncio

import pytest

from harness.adapters.reference.control.bodies import (
    BodyBroken,
    PipeBody,
)
from harness.adapters.reference.control.http_client import HttpClient
from tests.http_peers import (
    HELD_BYTES,
    Endless,
    Recorder,
    fill,
    on_a_loop,
    served,
    stalled,
    until,
    whole,
)
from tests.scripted_server import OK, ask


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
