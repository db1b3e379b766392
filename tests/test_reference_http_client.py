"""The reference runtime's HTTP client: what it asks, how it reads answers, which connections it keeps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.adapters.reference.control.bodies import (
    BodyBroken,
    InlineBody,
    PipeBody,
)
from harness.adapters.reference.control.front import Front
from harness.adapters.reference.control.http_client import HttpClient
from harness.adapters.reference.control.outbound import OutboundRefused
from tests.http_peers import (
    Endless,
    Recorder,
    hello,
    on_a_loop,
    served,
    until,
    whole,
)
from tests.scripted_server import OK, ask, scripted


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
