"""The way from a container on a network of its own to the stand-ins for the internet, which are on loopback here.

A container's loopback is not this machine's. Its handler sends what fetch() would send to a stand-in through a unix
socket in the instance's folder: first a line that says where to, then the connection's bytes. Only what a test declared
public, or its gateway, is connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from harness.runtime import Outbound

_PIECE_BYTES = 1 << 16


@contextlib.contextmanager
def relaying(listener: socket.socket, outbound: Outbound) -> Iterator[None]:
    """Relay what connects to `listener`, in a thread, until the context is left."""
    relay = _Relay(outbound)
    thread = threading.Thread(target=asyncio.run, args=(relay.run(listener),), name="relay", daemon=True)
    thread.start()
    try:
        yield
    finally:
        relay.stop()
        thread.join()


class _Relay:
    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._running = threading.Event()
        self._over: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    async def run(self, listener: socket.socket) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_unix_server(self._serve, sock=listener)
        self._running.set()
        async with server:
            await self._over.wait()
        # What is still open is cancelled as the loop ends.

    def stop(self) -> None:
        self._running.wait()
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, _, port = (await reader.readline()).decode("ascii").strip().rpartition(":")
            if not self._allows(host, port):
                return
            there, back = await asyncio.open_connection(host, int(port))
            try:
                await asyncio.gather(_pass(reader, back), _pass(there, writer))
            finally:
                back.close()
        except (OSError, ValueError):  # a stand-in that is gone is what a host of the internet may be, too
            return
        finally:
            writer.close()

    def _allows(self, host: str, port: str) -> bool:
        return host in self._outbound.public or f"{host}:{port}" == self._outbound.gateway


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
