"""Faults of the life cycle of isolates."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.faults.switches import Switch
from harness.adapters.reference.control.invocation import Begin, Failure, Invocation, Reply
from harness.adapters.reference.control.isolates import Isolate, Pool
from harness.application import Worker
from harness.errors import DeployRefused
from harness.runtime import Outcome

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


def _pools(kind: type[Pool]) -> Switch:
    def switch(system: System) -> None:
        system.platform.pool_kind = kind

    return switch


class _AlwaysCold(Pool):
    """A request never meets an isolate that has served one."""

    def pick(self, invocation: Invocation) -> Isolate | None:
        found = super().pick(invocation)
        if found is not None and invocation.place is None:
            self.isolates.remove(found)  # nobody else will find it
        return found

    def emptied(self, isolate: Isolate) -> None:
        self.retire(isolate)


class _OneAtATime(Pool):
    """One isolate, one request in it."""

    def has_room(self, isolate: Isolate) -> bool:
        return super().has_room(isolate) and not isolate.in_flight

    def grow(self) -> None:
        if not self.isolates:
            super().grow()


class _OneEach(Pool):
    """No isolate ever serves two requests at once: a second one gets a new isolate."""

    def has_room(self, isolate: Isolate) -> bool:
        return super().has_room(isolate) and not isolate.in_flight


class _OnlyOne(Pool):
    """However much there is to do, there is one isolate for it."""

    def grow(self) -> None:
        if not self.isolates:
            super().grow()


class _NeverEvicts(Pool):
    def evict_idle(self, now_ns: int) -> None:
        """Idle isolates stay."""


class _EvictsBusy(Pool):
    """Whether a request is inside does not count: an isolate lives for so long after it last was empty."""

    def evict_idle(self, now_ns: int) -> None:
        for isolate in list(self.isolates):
            if isolate.warm and (now_ns - isolate.idle_since_ns) / 1e6 >= self._policy.idle_ms:
                self.retire(isolate)


MOST_WAITING = 16
WARMING_S = 0.05


def _first_request_error(system: System) -> None:
    """A new isolate takes its time, and of the requests that come meanwhile those past the 16th are turned away."""
    platform = system.platform
    plain, plain_ready = platform.begin, platform.on["ready"]

    def ready(isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        if isolate.deployment.exports:
            asyncio.get_running_loop().call_later(WARMING_S, isolate.deployment.pool.became_warm, isolate)
        else:  # it is being tried out
            plain_ready(isolate, header, text, data)

    platform.on["ready"] = ready

    def begin(deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        invocation = plain(deployment, event, reply, place=place)
        waiting = [each for each in platform.invocations.values() if each.deployment is deployment]
        if invocation.isolate is None and len(waiting) > MOST_WAITING:
            failure = Failure(outcome=Outcome.LOAD_SHED, message="no isolate is warm")
            platform.finish(invocation, Outcome.LOAD_SHED, failure)
        return invocation

    platform.begin = begin  # type: ignore[method-assign]


MOST_ISOLATES = 4


def _few_isolates(system: System) -> None:
    """There is room for four isolates: a Worker that comes later is turned away."""
    platform = system.platform
    plain = platform.begin

    def begin(deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        full = not deployment.pool.isolates and len(platform.isolates) >= MOST_ISOLATES
        invocation = plain(deployment, event, reply, place=place)
        if full:
            failure = Failure(outcome=Outcome.LOAD_SHED, message="there is no room for another isolate")
            platform.finish(invocation, Outcome.LOAD_SHED, failure)
        return invocation

    platform.begin = begin  # type: ignore[method-assign]


def _end_all(system: System, but: Isolate | None = None) -> None:
    for deployment in system.platform.deployments.values():
        for isolate in list(deployment.pool.isolates):
            if isolate is not but and isolate.warm:
                deployment.pool.retire(isolate)


def _exception_spreads(system: System) -> None:
    plain = system.platform.on_post["fail"]

    def fail(invocation: Invocation, post: list[Any], binaries: list[bytes]) -> None:
        plain(invocation, post, binaries)
        _end_all(system, but=invocation.isolate)

    system.platform.on_post["fail"] = fail


def _on_death(system: System, then: Callable[[Isolate, str], None]) -> None:
    plain = system.platform.on["dead"]

    def dead(isolate: Isolate, header: list[Any], text: memoryview, data: memoryview) -> None:
        plain(isolate, header, text, data)
        then(isolate, header[2])

    system.platform.on["dead"] = dead


def _shared_fate(system: System) -> None:
    def then(isolate: Isolate, reason: str) -> None:
        if reason in ("exceededCpu", "exceededMemory"):
            _end_all(system)

    _on_death(system, then)


def _stop_serving(system: System, broken: set[str]) -> None:
    """No Worker of these names is served any more."""
    platform = system.platform
    plain = platform.begin

    def begin(deployment: Deployment, event: Begin, reply: Reply, *, place: str | None = None) -> Invocation:
        invocation = plain(deployment, event, reply, place=place)
        if deployment.worker.name in broken:
            platform.finish(invocation, Outcome.KILL_SWITCH, Failure(outcome=Outcome.KILL_SWITCH))
        return invocation

    platform.begin = begin  # type: ignore[method-assign]


def _no_restart(system: System) -> None:
    broken: set[str] = set()

    def then(isolate: Isolate, reason: str) -> None:
        if reason == "exceededMemory":
            broken.add(isolate.deployment.worker.name)

    _on_death(system, then)
    _stop_serving(system, broken)


_FAILURES = ("fail", "exception")
"""What an isolate says of an exception: that it ended a request, or that nobody handled it."""


def _no_recovery(system: System) -> None:
    """A Worker that threw once is not served again."""
    broken: set[str] = set()
    posts = system.platform.on_post

    def noticing(plain: Callable[[Invocation, list[Any], list[bytes]], None]) -> Callable[..., None]:
        def noticed(invocation: Invocation, post: list[Any], binaries: list[bytes]) -> None:
            broken.add(invocation.deployment.worker.name)
            plain(invocation, post, binaries)

        return noticed

    posts.update({kind: noticing(posts[kind]) for kind in _FAILURES})
    _stop_serving(system, broken)


def _failed_start_spreads(system: System) -> None:
    deployer = system.deployer
    plain = deployer.redeploy

    async def redeploy(worker: Worker) -> None:
        try:
            await plain(worker)
        except DeployRefused:
            _end_all(system)
            raise

    deployer.redeploy = redeploy  # type: ignore[method-assign]


_ALL_MAIN = "isomark-all.mjs"


def _shared_globals(system: System) -> None:
    """Workers that are bound to nothing run in one isolate, whose global object they share."""
    deployer = system.deployer
    plain = deployer.deploy_all

    async def deploy_all(workers: Iterable[Worker]) -> None:
        await plain(workers)
        deployments = list(system.platform.deployments.values())
        simple = all(
            not each.bindings
            and any(export.name == "default" and export.kind == "object" for export in each.exports)
            and len(each.exports) == 1
            for each in deployments
        )
        if len(deployments) < 2 or not simple:
            return
        together = deployer.new_deployment(_all_in_one(deployments))
        for deployment in deployments:
            deployment.pool = together.pool

    deployer.deploy_all = deploy_all  # type: ignore[method-assign]
    platform = system.platform
    plain_enter = platform.enter

    def enter(isolate: Isolate, invocation: Invocation) -> None:
        request = invocation.begin.content.get("request")
        if isolate.deployment is not invocation.deployment and request is not None:
            request["headers"] = [*request["headers"], ("isomark-worker", invocation.deployment.worker.name)]
        plain_enter(isolate, invocation)

    platform.enter = enter  # type: ignore[method-assign]


def _all_in_one(deployments: list[Deployment]) -> Worker:
    modules: dict[str, bytes] = {}
    lines: list[str] = []
    names: list[str] = []
    variables: dict[str, Any] = {}
    for index, deployment in enumerate(deployments):
        worker = deployment.worker
        modules |= {f"{worker.name}/{name}": content for name, content in worker.modules.items()}
        lines.append(f'import worker{index} from "./{worker.name}/{worker.main}";')
        names.append(f'"{worker.name}": worker{index}')
        variables |= dict(worker.vars)
    lines.append(f"const workers = {{ {', '.join(names)} }};")
    lines.append(
        "export default { fetch: (request, env, context) => "
        'workers[request.headers.get("isomark-worker")].fetch(request, env, context) };'
    )
    modules[_ALL_MAIN] = "\n".join(lines).encode()
    return dataclasses.replace(deployments[0].worker, main=_ALL_MAIN, modules=modules, vars=variables, limits=None)


SWITCHES: dict[str, Switch] = {
    "shared-globals": _shared_globals,
    "always-cold": _pools(_AlwaysCold),
    "serialise-requests": _pools(_OneAtATime),
    "first-request-error": _first_request_error,
    "few-isolates": _few_isolates,
    "isolate-per-request": _pools(_OneEach),
    "isolate-never-reused": _pools(_AlwaysCold),
    "never-evict": _pools(_NeverEvicts),
    "evict-busy": _pools(_EvictsBusy),
    "exception-spreads": _exception_spreads,
    "no-recovery": _no_recovery,
    "failed-start-spreads": _failed_start_spreads,
    "shared-fate": _shared_fate,
    "no-restart": _no_restart,
    "no-scale-out": _pools(_OnlyOne),
}
