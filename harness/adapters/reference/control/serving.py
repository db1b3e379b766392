"""One application, from its launch file to its fronts, and the commands that come while it is served."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from harness.adapters.reference.control.capabilities.outbound import OutboundCapability
from harness.adapters.reference.control.deploying import Deployer
from harness.adapters.reference.control.events import FrontDoor
from harness.adapters.reference.control.front import Front
from harness.adapters.reference.control.guard import guard
from harness.adapters.reference.control.http_client import HttpClient
from harness.adapters.reference.control.launch_file import Command, Done, Launch, Ready, Refused
from harness.adapters.reference.control.ledger import Ledger
from harness.adapters.reference.control.limits import LimitRules
from harness.adapters.reference.control.outbound import OutboundRules
from harness.adapters.reference.control.platform import Platform
from harness.adapters.reference.control.policy import Policy
from harness.adapters.reference.control.tail import Tail
from harness.adapters.reference.control.wire import HostLink
from harness.errors import DeployRefused


class System:
    """The parts of a running reference runtime: what a fault may change before anything is deployed."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.policy = Policy()
        self.ports: dict[str, int] = {}
        if launch.idle_ms is not None:
            self.policy.pool.idle_ms = launch.idle_ms
        self.ledger = Ledger(launch.location, keep="Ledger" in launch.instruments)
        self.platform = Platform(self.policy, self.ledger, cpu_limited=launch.cpu_limited)
        self.tail = Tail(self.platform)
        self.platform.finished = self.tail.finished
        self.client = HttpClient()
        self.rules = OutboundRules(public=launch.public, gateway=launch.gateway)
        self.outbound = OutboundCapability(self.rules, self.client)
        self.limits = LimitRules(self.policy, launch.plan)
        self.deployer = Deployer(self.platform, self.limits, self.outbound, Path(launch.storage), launch.location)
        if launch.fault is not None:
            from harness.adapters.reference.control import faults  # not loaded where nothing is to be broken

            faults.switch_on(launch.fault, self)


async def serve(launch_file: Path) -> None:
    """Serve until killed, or until the host is gone."""
    launch = msgspec.json.decode(launch_file.read_bytes(), type=Launch)
    launch_file.unlink()
    host_gone = asyncio.Event()
    hello: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    system = System(launch)
    platform = system.platform

    def receive(header: list[Any], text: memoryview, data: memoryview) -> None:
        if header[0] == "hello":
            hello.set_result(None)
            return
        platform.receive(header, text, data)

    _, platform.link = await asyncio.get_running_loop().create_connection(
        lambda: HostLink(receive, host_gone.set), sock=socket.socket(fileno=launch.link_descriptor)
    )
    platform.link.send(["settings", {"busy_ms": system.policy.pool.busy_ms}])
    lost = asyncio.create_task(host_gone.wait())
    starting = asyncio.create_task(_start(system, hello))
    await asyncio.wait({lost, starting}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and not starting.exception():
        answer, fronts = starting.result()
        async with _commands(system):
            os.write(launch.ready_descriptor, msgspec.json.encode(answer) + b"\n")
            os.close(launch.ready_descriptor)
            if isinstance(answer, Ready):
                chores = [
                    asyncio.create_task(platform.evict_for_ever()),
                    asyncio.create_task(guard(launch.host_pid, launch.memory_guard_bytes)),
                ]
                await lost
                for chore in chores:
                    chore.cancel()
        for front in fronts:
            front.close()
    elif starting.done():
        raise starting.exception() or RuntimeError("the start failed")
    if host_gone.is_set():
        print("the isolate host is gone", file=sys.stderr, flush=True)
        os._exit(1)  # at once: an orderly end would wait for queries that still run


async def _start(system: System, hello: asyncio.Future[None]) -> tuple[Ready | Refused, list[Front]]:
    await hello
    launch = system.launch
    try:
        await system.deployer.deploy_all(launch.workers)
    except DeployRefused as error:
        return _refused(error), []
    fronts, ports = [], system.ports
    on_demand = "IsolatesOnDemand" in launch.instruments
    for worker in launch.workers:
        front = Front("127.0.0.1", FrontDoor(system.platform, worker.name, on_demand=on_demand))
        await front.open()
        fronts.append(front)
        ports[worker.name] = front.port
    return Ready(ports=ports), fronts


def _refused(error: DeployRefused) -> Refused:
    return Refused(error=type(error).__name__, happened=error.happened, expected=error.expected)


@contextlib.asynccontextmanager
async def _commands(system: System) -> AsyncIterator[None]:
    """Take the adapter's commands, one JSON line each."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                done = await _obey(system, msgspec.json.decode(line, type=Command))
                writer.write(msgspec.json.encode(done) + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(converse, system.launch.control_socket, limit=1 << 27)
    try:
        yield
    finally:
        server.close()


async def _obey(system: System, command: Command) -> Done:
    ledger = system.ledger
    match command.name:
        case "mark":
            return Done(value=ledger.mark())
        case "since":
            return Done(value=await ledger.since(command.mark, command.worker, command.at_least, command.deadline_s))
        case "redeploy" if command.deploy is not None:
            try:
                await system.deployer.redeploy(command.deploy)
            except DeployRefused as error:
                return Done(refused=_refused(error))
            return Done()
        case "isolates":
            return Done(value=[isolate.name for isolate in system.platform.isolates.values()])
    return Done(refused=Refused(error="UsageError", happened=f"there is no command {command.name!r}"))
