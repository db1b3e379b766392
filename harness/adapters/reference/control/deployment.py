"""One deployed version of one Worker: its code, limits and capabilities, and the pool of its isolates."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from harness.adapters.reference.control.capabilities import Capability
from harness.adapters.reference.control.isolates import Pool
from harness.adapters.reference.control.limits import Limits
from harness.application import Worker
from harness.errors import DeployRefused, ScriptError

OUTBOUND = "outbound"
"""The handle of fetch(), which every Worker has."""


class Export(msgspec.Struct, frozen=True):
    """What a module exports under one name, as its isolate saw it."""

    name: str
    kind: str
    handlers: tuple[str, ...] = ()
    entrypoint: bool = False
    durable: bool = False


class Binding(msgspec.Struct, frozen=True):
    """One property of env that is not a value. `key`: what a namespace derives its ids with."""

    name: str
    kind: str
    handle: str
    key: str | None = None


class Deployment:
    """`exports` is known once the first isolate has run the code."""

    def __init__(self, worker: Worker, limits: Limits, outbound: Capability, location: str) -> None:
        self.worker = worker
        self.limits = limits
        self.location = location
        self.capabilities: dict[str, Capability] = {OUTBOUND: outbound}
        self.bindings: list[Binding] = []
        self.values: dict[str, Any] = dict(worker.vars)
        self.exports: tuple[Export, ...] = ()
        self.pool: Pool
        self.before: str | None = None
        """A script for each isolate, run before the Worker's modules."""
        self._code: bytes | None = None
        self._storages: dict[tuple[str, str], str] = {}

    def bind(self, name: str, kind: str, capability: Capability, key: str | None = None) -> None:
        """Give the Worker a capability under a name in env. Only its isolates learn the handle."""
        self.values.pop(name, None)  # a binding hides a var of its name, as in wrangler
        self.bindings.append(Binding(name=name, kind=kind, handle=self._handle(capability), key=key))

    def object_storage_handle(self, class_name: str, object_id: str, make: Callable[[], Capability]) -> str:
        """The handle with which that object reaches its own storage."""
        known = self._storages.get((class_name, object_id))
        if known is None:
            known = self._storages[class_name, object_id] = self._handle(make())
        return known

    def _handle(self, capability: Capability) -> str:
        handle = secrets.token_urlsafe(9)
        self.capabilities[handle] = capability
        return handle

    def code(self, *, io_ownership: bool) -> bytes:
        """What an isolate is made from, as the host takes it. Raises `ScriptError` for modules that are not UTF-8."""
        if self._code is None:
            self._code = self._encoded(io_ownership=io_ownership)
        return self._code

    def _encoded(self, *, io_ownership: bool) -> bytes:
        modules, wasm = {}, {}
        for name, content in self.worker.modules.items():
            if name.endswith(".wasm"):
                wasm[name] = base64.b64encode(content).decode()
                continue
            try:
                modules[name] = content.decode()
            except UnicodeDecodeError as error:
                raise ScriptError(
                    f"Worker {self.worker.name!r} does not start: module {name} is not UTF-8 ({error})",
                    expected="a module that parses and runs",
                ) from error
        config = {
            "worker": self.worker.name,
            "vars": self.values,
            "bindings": self.bindings,
            "io_ownership": io_ownership,
        }
        return msgspec.json.encode({"modules": modules, "wasm": wasm, "config": config, "before": self.before})

    def export(self, name: str) -> Export | None:
        return next((export for export in self.exports if export.name == name), None)

    def check_exports(self) -> None:
        """Raises `ScriptError` when there is nothing an event could be delivered to."""
        default = self.export("default")
        handles = default is not None and (default.entrypoint or default.handlers)
        if not handles and not any(export.entrypoint or export.kind == "class" for export in self.exports):
            raise ScriptError(
                f"Worker {self.worker.name!r} exports no event handlers: its exports are "
                + (", ".join(export.name for export in self.exports) or "none"),
                expected="export default { fetch() { ... } }, or an exported class",
            )

    def check_class(self, class_name: str, *, bound_as: str, by: str) -> None:
        """Raises `DeployRefused` for a Durable Object binding to what is not an exported class."""
        export = self.export(class_name)
        if export is None or export.kind != "class":
            raise DeployRefused(
                f"Worker {by!r}'s binding {bound_as!r} refers to a Durable Object class {class_name!r} that Worker "
                f"{self.worker.name!r} does not export",
                expected="a class exported by the module",
            )

    def check_entrypoint(self, entrypoint: str | None, *, bound_as: str, by: str) -> None:
        """Raises `DeployRefused` for a service binding to what is not an entrypoint."""
        if entrypoint is None or entrypoint == "default":
            return
        export = self.export(entrypoint)
        if export is None or not (export.entrypoint or export.handlers):
            raise DeployRefused(
                f"Worker {by!r}'s binding {bound_as!r} refers to an entrypoint {entrypoint!r} that Worker "
                f"{self.worker.name!r} does not export",
                expected="a class that extends WorkerEntrypoint, exported by the module",
            )
