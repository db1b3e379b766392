"""From Workers to deployments: what is bound to what, and what is refused before anything is served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from harness.adapters.reference.control.capabilities import Capability
from harness.adapters.reference.control.capabilities.d1 import D1Capability
from harness.adapters.reference.control.capabilities.durable_objects import DurableObjectsCapability
from harness.adapters.reference.control.capabilities.kv import KvCapability
from harness.adapters.reference.control.capabilities.service import ServiceCapability
from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.limits import LimitRules
from harness.adapters.reference.control.platform import Platform
from harness.adapters.reference.control.storage.d1 import D1Database
from harness.adapters.reference.control.storage.kv import KvStore
from harness.adapters.reference.control.storage.objects import ObjectStorage
from harness.application import Worker
from harness.errors import DeployRefused, ScriptError, did_you_mean


class Deployer:
    """Makes deployments live. Resources are opened once and shared by all that are bound to them."""

    def __init__(
        self, platform: Platform, rules: LimitRules, outbound: Capability, storage: Path, location: str
    ) -> None:
        self._platform = platform
        self._rules = rules
        self._outbound = outbound
        self._storage = storage
        self._location = location
        self.before: str | None = None
        self._kv: dict[str, KvStore] = {}
        self._d1: dict[str, D1Database] = {}
        self._objects: dict[tuple[str, str], ObjectStorage] = {}

    async def deploy_all(self, workers: Iterable[Worker]) -> None:
        """Raises `DeployRefused`, `ScriptError` included; nothing is served then."""
        deployments = {worker.name: self.new_deployment(worker) for worker in workers}
        for deployment in deployments.values():
            self.bind(deployment, deployments)
        for deployment in deployments.values():
            await self._platform.try_out(deployment)
        for deployment in deployments.values():
            self.check_targets(deployment, deployments)
        self._platform.deployments = deployments

    async def redeploy(self, worker: Worker) -> None:
        """Replace a Worker. Raises `DeployRefused` and leaves the old version serving."""
        deployments = dict(self._platform.deployments)
        new = deployments[worker.name] = self.new_deployment(worker)
        self.bind(new, deployments)
        await self._platform.try_out(new)
        for deployment in deployments.values():
            self.check_targets(deployment, deployments)
        self.make_live(new)

    def make_live(self, new: Deployment) -> None:
        """From here on events meet the new version; what the old one has begun it ends."""
        live, name = self._platform.deployments, new.worker.name
        old, live[name] = live[name], new  # the old one of this moment: another redeploy may have come in between
        old.pool.retire_all()

    def new_deployment(self, worker: Worker) -> Deployment:
        size_bytes = sum(map(len, worker.modules.values()))
        most = self._platform.policy.script_bytes
        if size_bytes > most:
            raise ScriptError(
                f"Worker {worker.name!r} has {size_bytes:,} bytes of code", expected=f"at most {most:,} bytes"
            )
        deployment = Deployment(worker, self._rules.of(worker), self._outbound, self._location)
        deployment.before = self.before
        deployment.pool = self._platform.new_pool(deployment)
        return deployment

    def bind(self, deployment: Deployment, deployments: dict[str, Deployment]) -> None:
        """Raises `DeployRefused` for a binding to what is not there."""
        worker = deployment.worker
        for service in worker.services:
            self.check_target(deployments, service.service, service.binding, worker.name)
            capability = ServiceCapability(self._platform, service.service, service.entrypoint)
            deployment.bind(service.binding, "service", capability)
        for namespace in worker.kv_namespaces:
            deployment.bind(namespace.binding, "kv", KvCapability(self.kv_store(namespace.id or namespace.binding)))
        for database in worker.d1_databases:
            name = database.database_id or database.database_name or database.binding
            deployment.bind(database.binding, "d1", D1Capability(self._d1_database(name)))
        for objects in worker.durable_objects:
            owner = objects.script_name or worker.name
            self.check_target(deployments, owner, objects.name, worker.name)
            storage = self.object_storage(owner, objects.class_name)
            capability_of_objects = DurableObjectsCapability(self._platform, owner, objects.class_name, storage)
            key = hashlib.sha256(f"{owner}/{objects.class_name}".encode()).hexdigest()
            deployment.bind(objects.name, "durable-objects", capability_of_objects, key)
        for consumer in worker.tail_consumers:
            self.check_target(deployments, consumer.service, "tail_consumers", worker.name)

    def check_target(self, deployments: dict[str, Deployment], target: str, bound_as: str, by: str) -> None:
        if target not in deployments:
            raise DeployRefused(
                f"Worker {by!r}'s binding {bound_as!r} refers to a Worker {target!r} that is not deployed",
                expected=did_you_mean(target, deployments),
            )

    def check_targets(self, deployment: Deployment, deployments: dict[str, Deployment]) -> None:
        worker = deployment.worker
        for service in worker.services:
            target = deployments.get(service.service)
            if target is not None:
                target.check_entrypoint(service.entrypoint, bound_as=service.binding, by=worker.name)
        for objects in worker.durable_objects:
            owner = deployments[objects.script_name or worker.name]
            owner.check_class(objects.class_name, bound_as=objects.name, by=worker.name)

    def kv_store(self, namespace_id: str) -> KvStore:
        if namespace_id not in self._kv:
            self._kv[namespace_id] = KvStore(self._file("kv", namespace_id))
        return self._kv[namespace_id]

    def _d1_database(self, name: str) -> D1Database:
        if name not in self._d1:
            self._d1[name] = D1Database(self._file("d1", name))
        return self._d1[name]

    def object_storage(self, worker: str, class_name: str) -> ObjectStorage:
        owner = (worker, class_name)
        if owner not in self._objects:
            self._objects[owner] = ObjectStorage(self._file("objects", "/".join(owner)))
        return self._objects[owner]

    def _file(self, kind: str, name: str) -> Path:
        return self._storage / f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:32]}.sqlite"
