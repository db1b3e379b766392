"""Bodies of the reference runtime: one chunk at a time, and never more than was asked for."""

from __future__ import annotations

import asyncio

import pytest

from harness.adapters.reference.control.bodies import (
    EMPTY,
    BodyBroken,
    IncomingBody,
    InlineBody,
    PipeBody,
    UnsafeField,
    field_lines,
)
from tests.http_peers import on_a_loop


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
