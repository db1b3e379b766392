"""Faults of what is in env."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from harness.adapters.reference.control.bodies import InlineBody
from harness.adapters.reference.control.capabilities import Answer, Call, Capability
from harness.adapters.reference.control.capabilities.kv import KvCapability
from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.faults.switches import Switch, around_calls
from harness.adapters.reference.control.messages import message_to_guest
from harness.adapters.reference.control.storage.kv import KvStore
from harness.application import Worker

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


def _each_deployment(change: Callable[[Deployment], None]) -> Switch:
    def switch(system: System) -> None:
        plain = system.deployer.new_deployment

        def new_deployment(worker: Worker) -> Deployment:
            deployment = plain(worker)
            change(deployment)
            return deployment

        system.deployer.new_deployment = new_deployment  # type: ignore[method-assign]

    return switch


def _env(**values: Any) -> Switch:
    return _each_deployment(lambda deployment: deployment.values.update(values))


def _after_binding(change: Callable[[Deployment], None]) -> Switch:
    def switch(system: System) -> None:
        plain = system.deployer.bind

        def bind(deployment: Deployment, deployments: dict[str, Deployment]) -> None:
            plain(deployment, deployments)
            change(deployment)

        system.deployer.bind = bind  # type: ignore[method-assign]

    return switch


def _nothing_bound(deployment: Deployment) -> None:
    deployment.values.clear()
    deployment.bindings.clear()


def _vars_global(deployment: Deployment) -> None:
    deployment.before = f"Object.assign(globalThis, {json.dumps(deployment.values)});"


def _change_keys(deployment: Deployment, change: Callable[[str], str]) -> None:
    """Derive the ids of each Durable Object namespace with another key."""
    deployment.bindings = [
        each if each.key is None else msgspec.structs.replace(each, key=change(each.key))
        for each in deployment.bindings
    ]


def _one_object_namespace(system: System) -> None:
    """Every Durable Object namespace is one and the same: its ids are good in all of them."""

    _after_binding(lambda deployment: _change_keys(deployment, lambda _: "the only one"))(system)
    deployer = system.deployer
    plain = deployer.object_storage
    deployer.object_storage = lambda *_: plain("the only one", "")  # type: ignore[method-assign]


def _namespace_collision(system: System) -> None:
    """Every KV binding stands for one and the same namespace, and every Durable Object binding too."""
    plain = system.deployer.kv_store
    system.deployer.kv_store = lambda namespace_id: plain("the only one")  # type: ignore[method-assign]
    _one_object_namespace(system)


def _namespace_per_worker(system: System) -> None:
    """What a binding stands for depends on who is bound, too."""
    deployer = system.deployer
    plain_bind, plain_store = deployer.bind, deployer.kv_store

    def bind(deployment: Deployment, deployments: dict[str, Deployment]) -> None:
        name = deployment.worker.name
        deployer.kv_store = lambda namespace_id: plain_store(f"{name}/{namespace_id}")  # type: ignore[method-assign]
        plain_bind(deployment, deployments)
        _change_keys(deployment, lambda key: f"{name}/{key}")

    deployer.bind = bind  # type: ignore[method-assign]


def _key_is_a_path(system: System) -> None:
    """A key that begins with another namespace's id leads into it."""
    stores: dict[str, KvStore] = {}
    plain_store = system.deployer.kv_store

    def kv_store(namespace_id: str) -> KvStore:
        stores[namespace_id] = plain_store(namespace_id)
        return stores[namespace_id]

    system.deployer.kv_store = kv_store  # type: ignore[method-assign]

    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if isinstance(capability, KvCapability) and call.arguments and isinstance(call.arguments[0], str):
            namespace_id, slash, key = call.arguments[0].removeprefix("../").partition("/")
            if slash and namespace_id in stores:
                elsewhere = msgspec.structs.replace(call, arguments=[key, *call.arguments[1:]])
                return await KvCapability(stores[namespace_id]).call(elsewhere)
        return await plain()

    around_calls(around)(system)


def _namespace_by_url(system: System) -> None:
    """A URL whose host is a namespace's id reads its keys."""

    async def around(call: Call, capability: Capability, plain: Callable[[], Awaitable[Answer]]) -> Answer:
        if capability is system.outbound:
            url = urlsplit(call.arguments[0]["url"])
            bound = {each.id for other in system.launch.workers for each in other.kv_namespaces}
            if url.hostname in bound:
                key = unquote(url.path.removeprefix("/"))
                entry = (await system.deployer.kv_store(url.hostname or "").get([key])).get(key)
                if entry is not None:
                    return message_to_guest(call.invocation, 200, "OK", [], InlineBody(entry.value))
        return await plain()

    around_calls(around)(system)


def _binding_leak(system: System) -> None:
    """Every Worker has the KV namespaces and services of all."""
    deployer = system.deployer
    plain = deployer.deploy_all

    async def deploy_all(workers: Iterable[Worker]) -> None:
        workers = tuple(workers)
        kv = {each.binding: each for worker in reversed(workers) for each in worker.kv_namespaces}
        services = {each.binding: each for worker in reversed(workers) for each in worker.services}
        await plain(
            dataclasses.replace(worker, kv_namespaces=tuple(kv.values()), services=tuple(services.values()))
            for worker in workers
        )

    deployer.deploy_all = deploy_all  # type: ignore[method-assign]


def _dangling_binding(system: System) -> None:
    system.deployer.check_target = lambda *_: None  # type: ignore[method-assign]
    system.deployer.check_targets = lambda *_: None  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "env-leak": _env(PLATFORM={}),
    "binding-missing": _after_binding(_nothing_bound),
    "bindings-global": _each_deployment(_vars_global),
    "binding-by-code": _namespace_collision,
    "binding-leak": _binding_leak,
    "key-is-a-path": _key_is_a_path,
    "namespace-by-url": _namespace_by_url,
    "object-ids-everywhere": _one_object_namespace,
    "namespace-collision": _namespace_collision,
    "namespace-per-worker": _namespace_per_worker,
    "credential-in-env": _env(STORE_URL="kv://user:password@127.0.0.1:6379"),
    "dangling-binding": _dangling_binding,
}
