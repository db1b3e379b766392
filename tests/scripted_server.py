"""A server that answers with the bytes it was given, and a client that asks it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import h11

from harness.adapters.reference.control.http_client import Answer, HttpClient
from tests.http_peers import (
    until,
)


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
