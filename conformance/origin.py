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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import h11

LOOPBACK = "127.0.0.1"

BARRIER_DEADLINE_S = 3.0
"""How long /barrier holds requests for the others that never come."""


def public_address() -> str:
    """A random address in 127.64.0.0/10, to be declared as `Outbound(public=...)`: a host of the internet, played."""
    return str(ipaddress.IPv4Address("127.64.0.1") + secrets.randbelow((1 << 22) - 2))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A request that arrived. `host` is its Host header, `target` the request line's target."""

    method: str
    target: str
    host: str


class Origin:
    """One listening server. Read `hits` and `connections` at any time.

    Routes: `/wait?ms=N` answers after N ms; `/barrier?n=N` answers once N of these wait together, saying how many did;
    `/redirect?to=URL` answers 302; `/hops?n=N` redirects N times to itself; everything else answers 200 at once.
    """

    def __init__(self, address: str) -> None:
        if not ipaddress.ip_address(address).is_loopback:
            raise ValueError(f"{address} is not a loopback address: tests talk to nothing else")
        self.address = address
        self.port = 0
        self.hits: list[Hit] = []
        self.connections = 0
        self.at_barrier: set[asyncio.Future[int]] = set()

    @property
    def host(self) -> str:
        """`address:port` as it stands in a URL."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def url(self, target: str = "/") -> str:
        return f"http://{self.host}{target}"

    def targets(self) -> list[str]:
        """The request targets seen so far."""
        return [hit.target for hit in self.hits]

    async def answer(self, target: str, host: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for one request."""
        path = urlsplit(target).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if path == "/wait":
            await asyncio.sleep(float(query["ms"]) / 1000)
        elif path == "/barrier":
            together = await self._barrier(int(query["n"]))
            return 200, {}, json.dumps({"together": together}).encode()
        elif path == "/redirect":
            return 302, {"location": query["to"]}, b""
        elif path == "/hops" and int(query["n"]) > 0:
            return 302, {"location": self.url(f"/hops?n={int(query['n']) - 1}")}, b""
        return 200, {"content-type": "application/json"}, json.dumps({"origin": host, "target": target}).encode()

    async def _barrier(self, wanted: int) -> int:
        """Hold until `wanted` requests are here at once, or the deadline; how many there were."""
        mine: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.at_barrier.add(mine)
        if len(self.at_barrier) >= wanted:
            for waiting in self.at_barrier:
                waiting.set_result(wanted)
            self.at_barrier = set()
        try:
            async with asyncio.timeout(BARRIER_DEADLINE_S):
                return await mine
        except TimeoutError:
            together = len(self.at_barrier)
            self.at_barrier.discard(mine)
            return together


class _Connection(asyncio.Protocol):
    """One client connection, spoken through h11; requests on it are answered in order."""

    def __init__(self, origin: Origin, closing: Callable[[], bool]) -> None:
        self._origin = origin
        self._closing = closing
        self._http = h11.Connection(our_role=h11.SERVER)
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._origin.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            self._next()
        except h11.RemoteProtocolError:  # a canary is also touched by those who speak no HTTP: counted, not served
            self._transport.close()

    def _next(self) -> None:
        while self._answering is None:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.EndOfMessage):
                self._answering = asyncio.get_running_loop().create_task(self._answer(self._request))
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return

    async def _answer(self, request: h11.Request) -> None:
        target = request.target.decode()
        host = dict(request.headers).get(b"host", b"")
        self._origin.hits.append(Hit(method=request.method.decode(), target=target, host=host.decode()))
        status, headers, body = await self._origin.answer(target, host.decode())
        fields = {**headers, "content-length": str(len(body))}
        out = self._http.send(h11.Response(status_code=status, headers=list(fields.items()))) or b""
        out += self._http.send(h11.Data(data=body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(out)
        self._answering = None
        if self._http.our_state is h11.MUST_CLOSE or self._closing():
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._next()


@contextlib.contextmanager
def serving(address: str = LOOPBACK) -> Iterator[Origin]:
    """An origin that listens on a port of its own at a loopback address, until the context ends."""
    origin = Origin(address)
    loop = asyncio.new_event_loop()
    connections: set[_Connection] = set()
    closing = False

    def connect() -> _Connection:
        connection = _Connection(origin, lambda: closing)
        connections.add(connection)
        return connection

    server = loop.run_until_complete(loop.create_server(connect, address, 0, backlog=4096))
    origin.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name=f"origin {origin.host}", daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        closing = True
        asyncio.run_coroutine_threadsafe(_close(server, connections), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server, connections: set[_Connection]) -> None:
    server.close()
    for connection in connections:
        connection._transport.abort()  # type: ignore[attr-defined]
    pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
