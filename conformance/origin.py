"""Servers on loopback that the tests start themselves: stand-ins for the internet, and canaries nobody may reach.

A canary is an origin on an address the runtime must keep Workers from; whatever connects to it is counted, HTTP or
not. Every address is in 127.0.0.0/8 or is ::1, so that a runtime which blocks nothing harms nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

from conformance.origin_http import Answer, Connection

LOOPBACK = "127.0.0.1"

BARRIER_DEADLINE_S = 10.0
"""How long /barrier holds requests for the others that never come, and /hold for a release that never comes: long for
others that only come late, and short enough that one such wait fits into the deadline of a request."""

ARRIVAL_DEADLINE_S = 20.0
"""Safety deadline for a request to get through a Worker to the origin; it takes milliseconds."""


def public_address() -> str:
    """A random address in 127.64.0.0/10, to be declared as `Outbound(public=...)`: a host of the internet, played."""
    return str(ipaddress.IPv4Address("127.64.0.1") + secrets.randbelow((1 << 22) - 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A request that arrived. `host` is its Host header, `target` the request line's target."""

    method: str
    target: str
    host: str

    @property
    def path(self) -> str:
        """The path of the target, which a proxy is sent as a whole URL."""
        return self.target.partition("?")[0] if self.target.startswith("/") else urlsplit(self.target).path


class Origin:
    """One listening server. Read `hits`, `connections` and `meetings` (barriers that opened) at any time.

    Routes: `/wait?ms=N` answers after N ms; `/barrier?n=N` answers once N of these wait together, saying how many did;
    `/hold` answers at the next `release()`; `/redirect?to=URL` answers 302; `/hops?n=N` redirects N times to itself;
    `/text?n=N` answers N characters; everything else answers 200 at once, saying what was asked for.
    """

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop) -> None:
        if not ipaddress.ip_address(address).is_loopback:
            raise ValueError(f"{address} is not a loopback address: tests talk to nothing else")
        self.address = address
        self.port = 0
        self.hits: list[Hit] = []
        self.connections = 0
        self.meetings = 0
        self.at_barrier: set[asyncio.Future[int]] = set()
        self._arrival = threading.Condition()
        self._loop = loop
        self._release = asyncio.Event()
        self._nobody_came = False

    @property
    def host(self) -> str:
        """`address:port` as it stands in a URL."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def url(self, target: str = "/") -> str:
        return f"http://{self.host}{target}"

    def targets(self) -> list[str]:
        """The request targets seen so far."""
        return [hit.target for hit in self.hits]

    def await_arrival(self, path: str) -> bool:
        """Wait until a request for that path has come; False when none has within the deadline."""
        with self._arrival:
            return self._arrival.wait_for(lambda: any(hit.path == path for hit in self.hits), ARRIVAL_DEADLINE_S)

    def release(self) -> None:
        """Let go all that wait at /hold, and all that come to it from now on."""
        self._loop.call_soon_threadsafe(self._release.set)

    # --- the server's side

    def connected(self) -> None:
        self.connections += 1

    def answer(self, method: str, target: str, host: str) -> Answer | Awaitable[Answer]:
        """Take note of a request; its answer, or what to wait for to have it."""
        hit = Hit(method=method, target=target, host=host)
        with self._arrival:
            self.hits.append(hit)
            self._arrival.notify_all()
        route = _ROUTES.get(hit.path)
        if route is not None:
            return route(self, {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()})
        return Answer(body=json.dumps({"origin": host, "target": target}).encode())

    async def _wait(self, ms: float) -> Answer:
        await asyncio.sleep(ms / 1000)
        return Answer(body=json.dumps({"waited": ms}).encode())

    async def _barrier(self, wanted: int) -> Answer:
        """Hold until `wanted` requests are here at once, or the deadline; how many there were.

        Once some have waited in vain the others need not: where each comes only when the one before it is answered, all
        their waits would be too long for one request.
        """
        mine: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.at_barrier.add(mine)
        if len(self.at_barrier) >= wanted:
            self.meetings += 1
            for waiting in self.at_barrier:
                waiting.set_result(wanted)
            self.at_barrier = set()
        try:
            async with asyncio.timeout(0 if self._nobody_came else BARRIER_DEADLINE_S):
                together = await mine
        except TimeoutError:
            self._nobody_came = True
            together = len(self.at_barrier)
            self.at_barrier.discard(mine)
        return Answer(body=json.dumps({"together": together}).encode())

    async def _hold(self) -> Answer:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BARRIER_DEADLINE_S):
                await self._release.wait()
        return Answer(body=json.dumps({"released": self._release.is_set()}).encode())

    def _hop(self, left: int) -> Answer:
        return Answer(status=302, location=self.url(f"/hops?n={left - 1}")) if left else Answer(body=b'{"hops":0}')


_ROUTES: dict[str, Callable[[Origin, dict[str, str]], Answer | Awaitable[Answer]]] = {
    "/wait": lambda origin, query: origin._wait(float(query["ms"])),
    "/barrier": lambda origin, query: origin._barrier(int(query["n"])),
    "/hold": lambda origin, _: origin._hold(),
    "/redirect": lambda _, query: Answer(status=302, location=query["to"]),
    "/hops": lambda origin, query: origin._hop(int(query["n"])),
    "/text": lambda _, query: Answer(body=b"text " * (int(query["n"]) // 5)),
}


@contextlib.contextmanager
def serving(address: str = LOOPBACK) -> Iterator[Origin]:
    """An origin that listens on a port of its own at a loopback address, until the context ends."""
    loop = uvloop.new_event_loop()
    origin = Origin(address, loop)
    connections: set[Connection] = set()

    def connect() -> Connection:
        connection = Connection(origin)
        connections.add(connection)
        return connection

    listening = loop.run_until_complete(loop.create_server(connect, address, 0, backlog=4096))
    server = cast("asyncio.Server", listening)
    origin.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name=f"origin {origin.host}", daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, connections), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server, connections: set[Connection]) -> None:
    server.close()
    for connection in connections:
        connection.abort()
    pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
