"""The reference adapter: a control plane and an isolate host per launched application."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness import toolchain
from harness.adapters.reference.control.launch_file import Command, Done, Launch, Ready, Refused
from harness.adapters.reference.control.policy import PoolPolicy
from harness.adapters.reference.faults import FAULTS, Fault
from harness.application import Application, Worker
from harness.errors import (
    DeadlineExceeded,
    DeployRefused,
    NotReadyError,
    ScriptError,
    StartError,
    UnsupportedFeature,
    UsageError,
    did_you_mean,
)
from harness.features import ConformanceClass, Feature
from harness.http_front import HttpFront, ProcessIds
from harness.process import Supervised, instance_folder
from harness.runtime import (
    PLAIN,
    Conditions,
    IdleEviction,
    Instance,
    Invocation,
    IsolatesOnDemand,
    Ledger,
    Processes,
    require_features,
)

RECORD_DEADLINE_S = 30.0
"""Safety deadline for records that were asked for: an invocation ends when the last of its work does."""

COMMAND_DEADLINE_S = 30.0

LINK_BUFFER_BYTES = 1 << 20
"""Of the socket between the two processes."""

SHORT_IDLE_MS = 600.0
"""How long an isolate may be idle where a test asks to see evictions."""

ISOLATE_HEADER = "isomark-isolate"

_FEATURES = frozenset(
    {
        Feature.VARS,
        Feature.SERVICE_BINDINGS,
        Feature.KV_NAMESPACES,
        Feature.DURABLE_OBJECTS,
        Feature.D1_DATABASES,
        Feature.TAIL_CONSUMERS,
        Feature.LIMITS,
        Feature.SHARED_PROCESS,
        Feature.REDEPLOY,
        Feature.OUTBOUND_GATEWAY,
        Feature.ISOLATES_ON_DEMAND,
    }
)

_REFUSALS: Mapping[str, type[DeployRefused]] = {"DeployRefused": DeployRefused, "ScriptError": ScriptError}


class ReferenceRuntime:
    """`--runtime=reference`. Settings: `fault`, one promise to break; `idle_ms`, when idle isolates are evicted."""

    name = "reference"

    def __init__(self, fault: str | None = None, idle_ms: str | None = None) -> None:
        if fault is not None and fault not in FAULTS:
            raise UsageError(f"reference: there is no fault {fault!r}", expected=did_you_mean(fault, FAULTS))
        self._fault = fault
        self._idle_ms = _milliseconds(idle_ms)

    @staticmethod
    def faults() -> Mapping[str, Fault]:
        """Every promise it can break, by the fault's name."""
        return FAULTS

    def version(self) -> str:
        return toolchain.npm_version("isolated-vm")

    def identity(self) -> Mapping[str, str]:
        node = toolchain.node()
        return {
            "node": toolchain.version_of(node),
            "node_sha256": toolchain.sha256_of(node),
            "isolated_vm": toolchain.npm_version("isolated-vm"),
            "configuration": "one isolate host, one control plane" + (f"; fault {self._fault}" if self._fault else ""),
        }

    def features(self) -> frozenset[Feature]:
        return _FEATURES

    def classes(self) -> frozenset[ConformanceClass]:
        return frozenset({ConformanceClass.CORE, ConformanceClass.RESOURCES})

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        require_features(self, application, conditions)
        if len(conditions.topology.locations) != 1:
            raise UnsupportedFeature("reference runs in one location", expected="a topology of one location")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(instance_folder())
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            with contextlib.ExitStack() as theirs:
                theirs.callback(os.close, writing)
                ends = [theirs.enter_context(end) for end in socket.socketpair()]
                for end in ends:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LINK_BUFFER_BYTES)
                host = stack.enter_context(_start_host(folder, ends[0].fileno()))
                launch = self._launch_file(application, conditions, writing, ends[1].fileno(), host.pid, folder)
                control = stack.enter_context(_start_control(folder, launch, conditions))
            ports = _await_ready(control, host, reading)
            instance = _ReferenceInstance(control, host, ports, launch, conditions)
            stack.callback(instance.close)
            yield instance

    def _launch_file(
        self, application: Application, conditions: Conditions, ready: int, link: int, host_pid: int, folder: Path
    ) -> Launch:
        idle_ms = self._idle_ms
        if idle_ms is None and IdleEviction in conditions.instruments:
            idle_ms = SHORT_IDLE_MS
        return Launch(
            workers=application.workers,
            plan=conditions.plan,
            location=conditions.topology.locations[0].name,
            public=conditions.outbound.public,
            gateway=conditions.outbound.gateway,
            instruments=tuple(sorted(kind.__name__ for kind in conditions.instruments)),
            cpu_limited=conditions.cpu_limited,
            fault=self._fault,
            idle_ms=idle_ms,
            link_descriptor=link,
            host_pid=host_pid,
            memory_guard_bytes=conditions.memory_guard_bytes,
            # No file: the folder's path may be longer than a socket's name can be.
            control_socket=f"\0isomark-{os.getpid()}-{secrets.token_hex(16)}",
            storage=str(folder),
            ready_descriptor=ready,
        )


def _milliseconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 10 <= value <= 86_400_000:
        raise UsageError(f"reference: idle_ms={text} is not a time", expected="milliseconds, 10 to 86400000")
    return value


def _start_host(folder: Path, link: int) -> Supervised:
    sources = Path(__file__).parent
    return Supervised(
        "the reference runtime's isolate host",
        [
            # The host makes little garbage at a time: room for more would be taken for memory of isolates.
            *(toolchain.node(), "--no-node-snapshot", "--max-semi-space-size=1", sources / "host" / "host.js"),
            *(toolchain.node_modules(), sources / "prelude", str(link)),
        ],
        log=folder / "host.log",
        memory_guard_bytes=None,  # V8 maps half a gigabyte of writable memory per isolate; see control/guard.py
        # Nothing of ours: it runs foreign code, to which every machine looks the same.
        environment={"MALLOC_ARENA_MAX": "2", "TZ": "UTC", "LC_ALL": "en_US.UTF-8"},
        pass_fds=(link,),
        folder=folder,
    )


def _start_control(folder: Path, launch: Launch, conditions: Conditions) -> Supervised:
    launch_file = folder / "launch.json"
    launch_file.write_bytes(msgspec.json.encode(launch))
    return Supervised(
        "the reference runtime's control plane",
        [sys.executable, "-P", "-m", "harness.adapters.reference.control", launch_file],
        log=folder / "control.log",
        memory_guard_bytes=conditions.memory_guard_bytes,
        environment={"PYTHONPATH": str(toolchain.CHECKOUT)},
        pass_fds=(launch.ready_descriptor, launch.link_descriptor),
        folder=folder,
    )


def _await_ready(control: Supervised, host: Supervised, reading: int) -> dict[str, int]:
    """Worker to port. Raises `DeployRefused` with what the control plane refused, `StartError` for what ended."""
    said: list[str] = []

    def take(line: str) -> bool:
        said.append(line)
        return True

    def ended(_log: str) -> StartError | None:
        # When the host ends, so does the control plane; the host's words are the ones that tell why.
        return StartError(f"{host.died().happened}", log_tail=host.log_tail()) if host.ended_within(1.0) else None

    control.await_ready(reading, take, refused=ended)
    try:
        answer = msgspec.json.decode(said[0], type=dict[str, Any])
        if "happened" in answer:
            raise _refusal(msgspec.convert(answer, Refused))
        return msgspec.convert(answer, Ready).ports
    except msgspec.MsgspecError as error:
        raise StartError(f"the control plane said {said[0][:200]!r}", log_tail=control.log_tail()) from error


def _refusal(refused: Refused) -> DeployRefused:
    return _REFUSALS[refused.error](refused.happened, expected=refused.expected)


class _ReferenceInstance(HttpFront):
    def __init__(
        self,
        control: Supervised,
        host: Supervised,
        ports: Mapping[str, int],
        launch: Launch,
        conditions: Conditions,
    ) -> None:
        self._commands = _Commands(control, launch.control_socket)
        # The isolate host alone: every isolate, and so every Worker, is in this one process.
        instruments: dict[type, object] = {Processes: ProcessIds(host)}
        urls = {worker: f"http://127.0.0.1:{port}" for worker, port in ports.items()}
        if Ledger in conditions.instruments:
            instruments[Ledger] = _CommandedLedger(self._commands)
        if IsolatesOnDemand in conditions.instruments:
            instruments[IsolatesOnDemand] = _OnDemand(self)
        if IdleEviction in conditions.instruments:
            instruments[IdleEviction] = _Idle(launch.idle_ms or PoolPolicy().idle_ms)
        super().__init__(urls, lambda _worker: control, instruments)
        self._control = control
        self._host = host
        self._redeployable = conditions.redeployable

    def redeploy(self, worker: Worker) -> None:
        if worker.name not in self._redeployable:
            raise UsageError(
                f"Worker {worker.name!r} was not launched as redeployable",
                expected="its name in Conditions.redeployable",
            )
        done = self._commands.give(Command(name="redeploy", deploy=worker))
        if done.refused is not None:
            raise _refusal(done.refused)

    def alive(self) -> bool:
        return self._control.alive() and self._host.alive()

    def log_tail(self) -> str:
        return "\n".join(filter(None, (self._control.log_tail(), self._host.log_tail())))


class _Commands:
    """The control socket. A connection per command: they are few, and come from many threads."""

    def __init__(self, process: Supervised, path: str) -> None:
        self._process = process
        self._path = path

    def give(self, command: Command, *, deadline_s: float = COMMAND_DEADLINE_S) -> Done:
        """Raises `RuntimeDied` when nobody is there, `NotReadyError` when no answer comes."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(deadline_s)
                connection.connect(self._path)
                connection.sendall(msgspec.json.encode(command) + b"\n")
                while not answer.endswith(b"\n"):
                    piece = connection.recv(1 << 16)
                    if not piece:
                        break
                    answer += piece
        except TimeoutError as error:
            raise NotReadyError(
                f"the control plane did not answer {command.name!r} within {deadline_s:g} s",
                log_tail=self._process.log_tail(),
            ) from error
        except OSError as error:
            raise self._process.died() from error
        if not answer:
            raise self._process.died()
        return msgspec.json.decode(answer, type=Done)


class _CommandedLedger(Ledger):
    def __init__(self, commands: _Commands) -> None:
        self._commands = commands

    def mark(self) -> int:
        return int(self._commands.give(Command(name="mark")).value)

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[Invocation, ...]:
        command = Command(name="since", mark=mark, worker=worker, at_least=at_least, deadline_s=RECORD_DEADLINE_S)
        found = self._commands.give(command, deadline_s=RECORD_DEADLINE_S + COMMAND_DEADLINE_S).value
        if isinstance(found, int):
            raise DeadlineExceeded(
                f"the ledger has {found} finished invocations of Worker {worker!r}, not {at_least}, after "
                f"{RECORD_DEADLINE_S:g} s",
                expected="a record for each answered request",
            )
        return msgspec.convert(found, tuple[Invocation, ...])


class _OnDemand(IsolatesOnDemand):
    def __init__(self, front: HttpFront) -> None:
        self._front = front

    def address(self, worker: str) -> tuple[str, str]:
        return self._front.url(worker), ISOLATE_HEADER


class _Idle(IdleEviction):
    def __init__(self, idle_ms: float) -> None:
        self._idle_ms = idle_ms

    def idle_ms(self) -> float:
        return self._idle_ms
