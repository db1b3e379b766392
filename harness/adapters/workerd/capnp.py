"""workerd's configuration as Cap'n Proto text, made from the application model.

Only what the engine has: services, sockets, bindings, Durable Object namespaces. `limits` and the plan have no place in
it, because the engine enforces none. Names of the adapter's own services hold a colon, which no Worker's name can.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.application import Application, DurableObject, KvNamespace, Service, Worker
from harness.runtime import Conditions, IsolatesOnDemand, Ledger

INTERNET = "isomark:internet"
LOADER = "isomark:loader"
CODE = "isomark:code"
TAIL = "isomark:tail"
ON_DEMAND_SOCKET = "isomark:on-demand"

CONFIG_FILE = "workerd.capnp"
COMPATIBILITY_DATE = "2026-02-01"  # of the adapter's own Workers
JAVASCRIPT = Path(__file__).parent / "javascript"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where one instance keeps its files. `code` holds the Workers that are loaded at run time, `kv` the namespaces."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / CONFIG_FILE

    @property
    def code(self) -> Path:
        return self.folder / "code"

    def kv(self, namespace_id: str) -> Path:
        # The id comes from a configuration file: hashed, it cannot name a path outside.
        return self.folder / "kv" / hashlib.sha256(namespace_id.encode()).hexdigest()[:32]

    def module(self, worker: str, name: str) -> Path:
        return self.folder / "modules" / worker / name


def text(value: str) -> str:
    """A Cap'n Proto string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char >= " " else f"\\x{ord(char):02x}" for char in escaped) + '"'


def socket_of(worker: str) -> str:
    return f"worker:{worker}"


def on_demand_socket_of(worker: str) -> str:
    return f"{ON_DEMAND_SOCKET}:{worker}"


def kv_service(namespace_id: str) -> str:
    return f"isomark:kv:{namespace_id}"


def namespace_id(worker: Worker, binding: KvNamespace) -> str:
    """The namespace a binding points at; without an id it is the Worker's own, as wrangler provisions it."""
    return binding.id or f"{worker.name}:{binding.binding}"


def uses_loader(conditions: Conditions) -> bool:
    """Whether any Worker of the launch is loaded at run time, for which the engine wants `--experimental`."""
    return bool(conditions.redeployable) or IsolatesOnDemand in conditions.instruments


def render(application: Application, conditions: Conditions, layout: Layout) -> str:
    """The whole configuration. Refers to modules below `layout.folder`, which `write_modules` puts there."""
    services: list[str] = [_internet(conditions)]
    sockets: list[str] = []
    tailed = Ledger in conditions.instruments
    for worker in application.workers:
        if worker.name in conditions.redeployable:
            target = f'(name = {text(LOADER)}, entrypoint = "Redeployable", props = (json = {_worker_prop(worker)}))'
        else:
            services.append(_worker_service(worker, application, conditions, tailed))
            target = text(worker.name)
        sockets.append(_socket(socket_of(worker.name), target))
        if IsolatesOnDemand in conditions.instruments:
            on_demand = f'(name = {text(LOADER)}, entrypoint = "OnDemand", props = (json = {_worker_prop(worker)}))'
            sockets.append(_socket(on_demand_socket_of(worker.name), on_demand))
    for identifier in sorted({namespace_id(w, kv) for w in application.workers for kv in w.kv_namespaces}):
        path = text(str(layout.kv(identifier)))
        services.append(f"(name = {text(kv_service(identifier))}, disk = (path = {path}, writable = true))")
    if uses_loader(conditions):
        services += [_loader(), f"(name = {text(CODE)}, disk = (path = {text(str(layout.code))}))"]
    if tailed:
        services += [_tail(worker.name) for worker in application.workers if worker.name not in conditions.redeployable]
    return (
        'using Workerd = import "/workerd/workerd.capnp";\n\n'
        "const config :Workerd.Config = (\n"
        f"  services = [\n    {_lines(services)}\n  ],\n"
        f"  sockets = [\n    {_lines(sockets)}\n  ],\n);\n"
    )


def write_modules(application: Application, layout: Layout) -> None:
    """Put every module, the adapter's own included, where the configuration embeds it from."""
    (layout.folder / "own").mkdir()
    for script in JAVASCRIPT.glob("*.mjs"):
        (layout.folder / "own" / script.name).write_bytes(script.read_bytes())
    for worker in application.workers:
        for name, content in worker.modules.items():
            path = layout.module(worker.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for binding in worker.kv_namespaces:
            layout.kv(namespace_id(worker, binding)).mkdir(parents=True, exist_ok=True)


def loadable(worker: Worker) -> dict[str, object]:
    """What the loader Worker reads to make an isolate of `worker`: the shape of workerd's `WorkerCode`.

    Modules are objects, not plain text, because the loader takes plain text only under names that end in `.js`.
    """
    modules = {name: {"js": content.decode("utf-8", "replace")} for name, content in worker.modules.items()}
    return {
        "compatibilityDate": worker.compatibility_date,
        "compatibilityFlags": list(worker.compatibility_flags),
        "mainModule": worker.main,
        "modules": modules,
        "env": dict(worker.vars),
    }


def _lines(items: Iterable[str]) -> str:
    return ",\n    ".join(items)


def _worker_prop(worker: Worker) -> str:
    return text(json.dumps({"worker": worker.name}))


def _socket(name: str, service: str) -> str:
    return f'(name = {text(name)}, address = "127.0.0.1:0", http = (), service = {service})'


def _internet(conditions: Conditions) -> str:
    if conditions.outbound.gateway is not None:
        return f"(name = {text(INTERNET)}, external = (address = {text(conditions.outbound.gateway)}, http = ()))"
    allowed = ["public", *(f"{address}/32" for address in conditions.outbound.public)]
    return f"(name = {text(INTERNET)}, network = (allow = [{', '.join(map(text, allowed))}]))"


def _worker_service(worker: Worker, application: Application, conditions: Conditions, tailed: bool) -> str:
    fields = [
        f"modules = [{', '.join(_modules(worker))}]",
        f"compatibilityDate = {text(worker.compatibility_date)}",
        f"compatibilityFlags = [{', '.join(map(text, worker.compatibility_flags))}]",
        f"bindings = [{', '.join(_bindings(worker, conditions))}]",
        f"globalOutbound = {text(INTERNET)}",
    ]
    classes = _hosted_classes(worker, application)
    if classes:
        fields += [
            f"durableObjectNamespaces = [{', '.join(_namespace(name, worker) for name in classes)}]",
            "durableObjectStorage = (inMemory = void)",
        ]
    if tailed:
        fields.append(f"tails = [{text(f'{TAIL}:{worker.name}')}]")
    return f"(name = {text(worker.name)}, worker = ({', '.join(fields)}))"


def _modules(worker: Worker) -> Iterable[str]:
    names = [worker.main, *(name for name in worker.modules if name != worker.main)]
    for name in names:
        kind = "wasm" if name.endswith(".wasm") else "esModule"
        yield f"(name = {text(name)}, {kind} = embed {text(f'modules/{worker.name}/{name}')})"


def _bindings(worker: Worker, conditions: Conditions) -> Iterable[str]:
    for name, value in worker.vars.items():
        kind = f"text = {text(value)}" if isinstance(value, str) else f"json = {text(json.dumps(value))}"
        yield f"(name = {text(name)}, {kind})"
    for kv in worker.kv_namespaces:
        yield f"(name = {text(kv.binding)}, kvNamespace = {text(kv_service(namespace_id(worker, kv)))})"
    for service in worker.services:
        yield f"(name = {text(service.binding)}, service = {_designator(service, conditions)})"
    for namespace in worker.durable_objects:
        yield f"(name = {text(namespace.name)}, durableObjectNamespace = {_durable_object(namespace)})"


def _designator(service: Service, conditions: Conditions) -> str:
    if service.service in conditions.redeployable:
        props: Mapping[str, str | None] = {"worker": service.service, "entrypoint": service.entrypoint}
        return f'(name = {text(LOADER)}, entrypoint = "Redeployable", props = (json = {text(json.dumps(props))}))'
    if service.entrypoint:
        return f"(name = {text(service.service)}, entrypoint = {text(service.entrypoint)})"
    return text(service.service)


def _durable_object(namespace: DurableObject) -> str:
    if namespace.script_name:
        return f"(className = {text(namespace.class_name)}, serviceName = {text(namespace.script_name)})"
    return text(namespace.class_name)


def _hosted_classes(worker: Worker, application: Application) -> list[str]:
    """Durable Object classes of `worker` that it or another Worker of the application binds to."""
    found = {
        namespace.class_name
        for each in application.workers
        for namespace in each.durable_objects
        if (namespace.script_name or each.name) == worker.name
    }
    return sorted(found)


def _namespace(class_name: str, worker: Worker) -> str:
    # Whoever knows the key can forge object ids, so it is random; storage lives no longer than the process anyway.
    sql = "true" if class_name in worker.sqlite_classes else "false"
    return f"(className = {text(class_name)}, uniqueKey = {text(secrets.token_hex(16))}, enableSql = {sql})"


def _own_worker(name: str, script: str, bindings: str = "") -> str:
    module = f"(name = {text(script)}, esModule = embed {text(f'own/{script}')})"
    fields = f"modules = [{module}], compatibilityDate = {text(COMPATIBILITY_DATE)}, bindings = [{bindings}]"
    return f"(name = {text(name)}, worker = ({fields}, globalOutbound = {text(INTERNET)}))"


def _loader() -> str:
    bindings = f'(name = "CODE", service = {text(CODE)}), (name = "LOADER", workerLoader = (id = "isomark"))'
    return _own_worker(LOADER, "loader.mjs", bindings)


def _tail(worker: str) -> str:
    return _own_worker(f"{TAIL}:{worker}", "tail.mjs", f'(name = "WORKER", text = {text(worker)})')
