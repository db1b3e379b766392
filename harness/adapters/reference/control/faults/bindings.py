"""Faults of what is in env."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.faults.switches import Switch
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


def _namespace_collision(system: System) -> None:
    """Every KV binding stands for one and the same namespace."""
    plain = system.deployer.kv_store
    system.deployer.kv_store = lambda namespace_id: plain("the only one")  # type: ignore[method-assign]


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


SWITCHES: dict[str, Switch] = {
    "env-leak": _env(PLATFORM={}),
    "binding-by-code": _namespace_collision,
    "binding-leak": _binding_leak,
    "namespace-collision": _namespace_collision,
    "credential-in-env": _env(STORE_URL="kv://user:password@127.0.0.1:6379"),
    "dangling-binding": _dangling_binding,
}
