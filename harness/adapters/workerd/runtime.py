"""The workerd adapter: one engine process per launched application."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from harness import toolchain
from harness.adapters.workerd import capnp
from harness.adapters.workerd.ledger import AsyncTraceLedger
from harness.application import Application, Worker
from harness.errors import DeployRefused, ScriptError, StartError, UnsupportedFeature, UsageError, did_you_mean
from harness.features import ConformanceClass, Feature
from harness.http_front import HttpFront, ProcessIds
from harness.process import Supervised, instance_folder
from harness.runtime import PLAIN, Conditions, Instance, IsolatesOnDemand, Ledger, Processes, require_features
from harness.topology import ONE_LOCATION

CHECK_DEADLINE_S = 20.0

_FEATURES = frozenset(
    {
        Feature.VARS,
        Feature.SERVICE_BINDINGS,
        Feature.KV_NAMESPACES,
        Feature.DURABLE_OBJECTS,
        Feature.LIMITS,  # accepted, and without effect: the resource rows show it
        Feature.SHARED_PROCESS,
        Feature.REDEPLOY,
        Feature.OUTBOUND_GATEWAY,
        Feature.ISOLATES_ON_DEMAND,
    }
)


class WorkerdRuntime:
    """`--runtime=workerd`. Setting: `binary`, the path of another workerd to judge."""

    name = "workerd"

    def __init__(self, binary: str | None = None) -> None:
        if binary is not None and not Path(binary).is_file():
            raise UsageError(f"workerd: binary={binary} is not a file", expected="the path of a workerd binary")
        self._chosen = Path(binary).resolve() if binary else None

    def binary(self) -> Path:
        return self._chosen or toolchain.workerd()

    def version(self) -> str:
        if self._chosen is None:
            return toolchain.npm_version("workerd")
        return toolchain.version_of(self._chosen).removeprefix("workerd ")

    def identity(self) -> Mapping[str, str]:
        return {
            "binary_sha256": toolchain.sha256_of(self.binary()),
            "binary_version": toolchain.version_of(self.binary()),
            "configuration": "one process; each Worker a service with a socket; network = public plus stand-ins",
        }

    def features(self) -> frozenset[Feature]:
        return _FEATURES

    def classes(self) -> frozenset[ConformanceClass]:
        return frozenset({ConformanceClass.CORE, ConformanceClass.RESOURCES})

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        require_features(self, application, conditions)
        _refuse_what_cannot_be_loaded(application, conditions)
        if conditions.topology != ONE_LOCATION:
            raise UnsupportedFeature("workerd runs in one location", expected="a topology of one location")
        with instance_folder() as folder, contextlib.ExitStack() as stack:
            layout = capnp.Layout(folder=folder)
            layout.code.mkdir()
            for worker in application.workers:
                _publish(layout, worker, version=1)
            capnp.write_modules(application, layout)
            layout.config.write_text(capnp.render(application, conditions, layout), encoding="utf-8")
            for name in conditions.redeployable:  # the engine meets these at the first request: too late to refuse them
                _try_out(self, application.worker(name), conditions)
            yield stack.enter_context(_serve(self, application, conditions, layout))


class _WorkerdInstance(HttpFront):
    def __init__(
        self,
        runtime: WorkerdRuntime,
        process: Supervised,
        ports: Mapping[str, int],
        conditions: Conditions,
        layout: capnp.Layout,
        application: Application,
        ledger: AsyncTraceLedger | None,
    ) -> None:
        instruments: dict[type, object] = {Processes: ProcessIds(process)}
        if ledger is not None:
            instruments[Ledger] = ledger
        if IsolatesOnDemand in conditions.instruments:
            instruments[IsolatesOnDemand] = _OnDemand(ports)
        urls = {worker.name: _url(ports[capnp.socket_of(worker.name)]) for worker in application.workers}
        super().__init__(urls, lambda _worker: process, instruments)
        self._runtime = runtime
        self._process = process
        self._redeployable = conditions.redeployable
        self._conditions = conditions
        self._layout = layout
        self._versions = dict.fromkeys(urls, 1)

    def redeploy(self, worker: Worker) -> None:
        if worker.name not in self._redeployable:
            raise UsageError(
                f"Worker {worker.name!r} was not launched as redeployable",
                expected="its name in Conditions.redeployable",
            )
        _refuse_what_cannot_be_loaded(Application(workers=(worker,)), Conditions(redeployable=frozenset({worker.name})))
        _try_out(self._runtime, worker, self._conditions)
        self._versions[worker.name] += 1
        _publish(self._layout, worker, self._versions[worker.name])

    def alive(self) -> bool:
        return self._process.alive()

    def log_tail(self) -> str:
        return self._process.log_tail()


class _OnDemand(IsolatesOnDemand):
    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    def address(self, worker: str) -> tuple[str, str]:
        sockets = {name: port for name, port in self._ports.items() if name.startswith(capnp.ON_DEMAND_SOCKET)}
        if capnp.on_demand_socket_of(worker) not in sockets:
            workers = [name.removeprefix(capnp.on_demand_socket_of("")) for name in sockets]
            raise UsageError(f"the application has no Worker named {worker!r}", expected=did_you_mean(worker, workers))
        return _url(sockets[capnp.on_demand_socket_of(worker)]), "isomark-isolate"


def _try_out(runtime: WorkerdRuntime, worker: Worker, conditions: Conditions) -> None:
    """Run a script once before it goes live, as a deploy does; in an engine of its own, so that nothing is at stake.

    Raises `ScriptError` when it does not run.
    """
    alone = Conditions(memory_guard_bytes=conditions.memory_guard_bytes)
    with runtime.launch(Application(workers=(worker,)), alone):
        pass


@contextlib.contextmanager
def _serve(
    runtime: WorkerdRuntime, application: Application, conditions: Conditions, layout: capnp.Layout
) -> Iterator[_WorkerdInstance]:
    binary = runtime.binary()
    encoded = _check(binary, layout)
    command: list[str | Path] = [binary, "serve", "--binary", encoded, "--verbose"]
    if capnp.uses_loader(conditions):
        command.append("--experimental")
    with contextlib.ExitStack() as stack:
        control_reading, control_writing = os.pipe()
        stack.callback(os.close, control_reading)
        inherited = [control_writing]
        command.append(f"--control-fd={control_writing}")
        trace_reading = None
        if Ledger in conditions.instruments:
            trace_reading, trace_writing = os.pipe()
            owned = stack.enter_context(contextlib.ExitStack())  # until the ledger takes it over
            owned.callback(os.close, trace_reading)
            inherited.append(trace_writing)
            command += ["--async-trace", f"/dev/fd/{trace_writing}"]
        try:
            process = Supervised(
                "workerd",
                command,
                log=layout.folder / "log",
                memory_guard_bytes=conditions.memory_guard_bytes,
                pass_fds=inherited,
                folder=layout.folder,
            )
        finally:
            for descriptor in inherited:
                os.close(descriptor)
        stack.enter_context(process)
        ledger = None
        if trace_reading is not None:
            owned.pop_all()
            ledger = AsyncTraceLedger(trace_reading, process.log)
            stack.callback(ledger.close)
        ports: dict[str, int] = {}
        expected = len(application.workers) * (2 if IsolatesOnDemand in conditions.instruments else 1)
        process.await_ready(
            control_reading,
            lambda line: _listening(line, ports) == expected,
            refused=_refusal,
        )
        _refuse_warned_classes(process.log_tail(60), application)
        instance = _WorkerdInstance(runtime, process, ports, conditions, layout, application, ledger)
        stack.callback(instance.close)
        yield instance


def _check(binary: Path, layout: capnp.Layout) -> Path:
    """Have the engine itself read the configuration before anything is started from it."""
    encoded = layout.folder / "workerd.bin"
    with encoded.open("wb") as stream:
        try:
            done = subprocess.run(
                [binary, "compile", "--config-only", layout.config],
                cwd=layout.folder,
                stdout=stream,
                stderr=subprocess.PIPE,
                timeout=CHECK_DEADLINE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StartError(f"workerd cannot check its configuration: {error}") from error
    if done.returncode:
        raise StartError(
            "workerd does not accept the configuration the adapter wrote for it",
            expected="a configuration this version of workerd knows",
            remedy="compare the adapter with this version's workerd.capnp",
            log_tail=done.stderr.decode("utf-8", "replace")[-2000:],
        )
    return encoded


def _listening(line: str, ports: dict[str, int]) -> int:
    try:
        message = msgspec.json.decode(line, type=dict[str, str | int])
    except msgspec.DecodeError as error:
        raise StartError(f"workerd said {line[:200]!r} on its control descriptor: {error}") from error
    if message.get("event") == "listen":
        ports[str(message["socket"])] = int(message["port"])
    return len(ports)


_SCRIPT = re.compile(r"^service (?P<worker>\S+): Uncaught (?P<error>.*)$", re.MULTILINE)
_BINDING = re.compile(r"""^(?:service \S+: )?(?P<text>Worker "[^"]+"'s binding "[^"]+" .*)$""", re.MULTILINE)
_CLASS = re.compile(r"DurableObjectNamespace in the config referenced the class \"(?P<name>[^\"]+)\"")


def _refusal(log: str) -> DeployRefused | None:
    """What the engine's last words mean: a script that cannot run, or a binding to something that is not there."""
    script = _SCRIPT.search(log)
    if script:
        return ScriptError(
            f"Worker {script['worker']!r} does not start: {script['error']}",
            expected="a module that parses and runs",
            log_tail=log,
        )
    binding = _BINDING.search(log)
    return DeployRefused(f"workerd refused the application: {binding['text']}") if binding else None


def _refuse_warned_classes(log: str, application: Application) -> None:
    """workerd only warns of a binding to a Durable Object class that no module exports; a deploy refuses it."""
    for match in _CLASS.finditer(log):
        for worker in application.workers:
            for namespace in worker.durable_objects:
                if namespace.class_name == match["name"]:
                    raise DeployRefused(
                        f"workerd warned that Worker {worker.name!r}'s binding {namespace.name!r} refers to a Durable "
                        f"Object class {match['name']!r} that is not exported",
                        expected="a class exported by the module",
                    )


def _refuse_what_cannot_be_loaded(application: Application, conditions: Conditions) -> None:
    """workerd's loader takes JavaScript and plain values; Workers with more are not loaded at run time here."""
    on_demand = IsolatesOnDemand in conditions.instruments
    for worker in application.workers:
        if not (on_demand or worker.name in conditions.redeployable):
            continue
        if worker.features() - {Feature.VARS} or any(name.endswith(".wasm") for name in worker.modules):
            raise UnsupportedFeature(
                f"Worker {worker.name!r} cannot be loaded at run time: it has more than vars and JavaScript",
                expected="a redeployable or on-demand Worker with vars only",
            )


def _publish(layout: capnp.Layout, worker: Worker, version: int) -> None:
    """Make this the version the loader reads next.

    The engine's disk service takes a file's length and its content in two steps: a file replaced between them comes
    out cut short. So code lies in a file per version, and the one that is replaced always has the same length.
    """
    if any(name.endswith(".wasm") for name in worker.modules):
        return
    (layout.code / f"{worker.name}.{version}.json").write_bytes(msgspec.json.encode(capnp.loadable(worker)))
    partial = layout.code / f".{worker.name}.partial"
    partial.write_text(f"{version:012d}", encoding="utf-8")
    partial.rename(layout.code / f"{worker.name}.version")


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
