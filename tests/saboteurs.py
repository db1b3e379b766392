"""workerd with one promise broken: `--runtime=tests.saboteurs:Saboteur,fault=NAME`.

Each fault is the smallest lie told about one requirement. What the engine itself keeps is broken around it: in the
application before it is deployed, in the code a probe's module is wrapped in, in the accounts, or in the answers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from harness.adapters.workerd import WorkerdRuntime
from harness.application import Application, Service, Worker
from harness.errors import DeadlineExceeded, UsageError, did_you_mean
from harness.exchanges import WatchedInstance
from harness.runtime import Conditions, Instance, IsolatesOnDemand, Ledger, Outbound, Request, Response

Alter = Callable[[Application, Conditions], tuple[Application, Conditions]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`requirement`: whose tests must go red. `alter` changes what is launched, `wrap` what is seen of it."""

    requirement: str
    alter: Alter = lambda application, conditions: (application, conditions)
    wrap: Callable[[Instance], Instance] = lambda instance: instance


class Saboteur(WorkerdRuntime):
    """A runtime that claims everything workerd claims and breaks one promise."""

    name = "saboteur"

    def __init__(self, fault: str) -> None:
        super().__init__()
        if fault not in FAULTS:
            raise UsageError(f"no fault {fault!r}", expected=did_you_mean(fault, FAULTS))
        self._fault = FAULTS[fault]

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions) -> Iterator[Instance]:
        altered = self._fault.alter(application, conditions)
        with super().launch(*altered) as instance:
            yield self._fault.wrap(instance)


class _Wrapped(WatchedInstance):
    """An instance with another `fetch`; the exchanges it keeps go nowhere."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def fetch(self, worker: str, request: Request, **options: object) -> Response:
        return self.answer(worker, request, lambda: self._instance.fetch(worker, request, **options))

    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        return ask()


# --- altering what is launched


def _each_worker(change: Callable[[Worker], Worker]) -> Alter:
    def alter(application: Application, conditions: Conditions) -> tuple[Application, Conditions]:
        return Application(workers=tuple(map(change, application.workers))), conditions

    return alter


def _source(find: str, put: str) -> Alter:
    """Replace text in the modules of the probe that has it."""

    def change(worker: Worker) -> Worker:
        modules = {name: content.replace(find.encode(), put.encode()) for name, content in worker.modules.items()}
        return replace(worker, modules=modules)

    return _each_worker(change)


def _around_env(expression: str) -> Alter:
    """Wrap each Worker whose default export is an object, so that it gets `expression` (a function of env) as env."""

    def change(worker: Worker) -> Worker:
        if b"export default {" not in worker.modules[worker.main]:
            return worker
        entry = (
            f'import inner from "./{worker.main}";\nexport * from "./{worker.main}";\n'
            f"const altered = {expression};\n"
            "export default { fetch: (request, env, context) => inner.fetch(request, altered(env), context) };\n"
        )
        return replace(worker, main="sabotaged.mjs", modules={**worker.modules, "sabotaged.mjs": entry.encode()})

    return _each_worker(change)


def _on_bindings(method_call: str) -> Alter:
    """Replace what a method call on a service binding does: an expression of `binding`, `name` and `args`."""
    return _around_env(
        "(env) => Object.fromEntries(Object.entries(env).map(([key, binding]) => [key, "
        "binding?.constructor?.name !== 'Fetcher' ? binding : new Proxy(binding, { get: (_, name) => "
        f"(...args) => ({method_call}) }})]))"
    )


def _outbound(change: Callable[[Outbound], Outbound]) -> Alter:
    return lambda application, conditions: (application, replace(conditions, outbound=change(conditions.outbound)))


def _open(outbound: Outbound) -> Outbound:
    """Loopback counts as public; a gateway stands, since the engine then has no other way out."""
    return replace(outbound, public=(*outbound.public, "127.0.0.1"))


def _with_on_demand(application: Application, conditions: Conditions) -> tuple[Application, Conditions]:
    return application, replace(conditions, instruments=conditions.instruments | {IsolatesOnDemand})


def _one_namespace(worker: Worker) -> Worker:
    return replace(
        worker, kv_namespaces=tuple(msgspec.structs.replace(kv, id="the-only-one") for kv in worker.kv_namespaces)
    )


def _everybodys_bindings(application: Application, conditions: Conditions) -> tuple[Application, Conditions]:
    kv = {each.binding: each for worker in application.workers for each in worker.kv_namespaces}
    services: Mapping[str, Service] = {each.binding: each for worker in application.workers for each in worker.services}
    workers = tuple(
        replace(worker, kv_namespaces=tuple(kv.values()), services=tuple(services.values()))
        for worker in application.workers
    )
    return Application(workers=workers), conditions


def _without_dangling_services(application: Application, conditions: Conditions) -> tuple[Application, Conditions]:
    names = {worker.name for worker in application.workers}

    def change(worker: Worker) -> Worker:
        return replace(worker, services=tuple(each for each in worker.services if each.service in names))

    return _each_worker(change)(application, conditions)


# --- altering what is seen


class _SharedGlobals(_Wrapped):
    mark: str | None = None

    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        if "?set=" in request.path:
            self.mark = request.path.partition("?set=")[2]
        response = ask()
        if worker == "neighbour":
            return replace(response, body=msgspec.json.encode({**response.json(), "mark": self.mark}))
        return response


class _AlwaysCold(_Wrapped):
    count = 0

    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        import httpx

        self.count += 1
        url, header = self.instrument(IsolatesOnDemand).address(worker)
        answer = httpx.get(url + request.path, headers={header: f"fresh-{self.count}"}, trust_env=False, timeout=30)
        return Response(status=answer.status_code, headers=dict(answer.headers), body=answer.content)


class _Serialised(_Wrapped):
    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self._lock = threading.Lock()

    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        with self._lock:
            return ask()


class _FirstRequestFails(_Wrapped):
    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self._known: set[str] = set()

    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        if worker not in self._known:
            self._known.add(worker)
            return Response(status=503, headers={}, body=b"{}")
        return ask()


class _ExceptionSpreads(_Wrapped):
    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        response = ask()
        if response.status >= 500:
            self._instance._process.stop()
        return response


class _LowLimit(_Wrapped):
    def answer(self, worker: str, request: Request, ask: Callable[[], Response]) -> Response:
        if request.path.endswith("mib=96"):
            return Response(status=500, headers={}, body=b"64\n")
        return ask()


class _WallLimit(_Wrapped):
    def fetch(self, worker: str, request: Request, **options: object) -> Response:
        try:
            return self._instance.fetch(worker, request, deadline_s=1.0)
        except DeadlineExceeded:
            return Response(status=524, headers={}, body=b"")


class _StaleBinding(_Wrapped):
    def redeploy(self, worker: Worker) -> None:
        """Says it did."""


class _Accounts(Ledger):
    def __init__(self, ledger: Ledger, falsify: Callable[[object], object]) -> None:
        self._ledger = ledger
        self._falsify = falsify

    def mark(self) -> int:
        return self._ledger.mark()

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[object, ...]:
        return tuple(map(self._falsify, self._ledger.since(mark, worker=worker, at_least=at_least)))


def _ledger(falsified: Callable[[Ledger], Ledger]) -> Callable[[Instance], Instance]:
    class Falsified(_Wrapped):
        def instrument(self, kind: type) -> object:
            found = self._instance.instrument(kind)
            return falsified(found) if kind is Ledger else found

    return Falsified


def _records(falsify: Callable[[object], object]) -> Callable[[Instance], Instance]:
    return _ledger(lambda ledger: _Accounts(ledger, falsify))


class _CalleeChargedToCaller(_Accounts):
    """Puts the CPU of a callee on its caller's bill."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, lambda record: record)

    def since(self, mark: int, *, worker: str, at_least: int = 1) -> tuple[object, ...]:
        records = self._ledger.since(mark, worker=worker, at_least=at_least)
        if worker != "caller":
            return tuple(replace(record, cpu_time_ms=0.01) for record in records)
        moved_ms = sum(record.cpu_time_ms for record in self._ledger.since(mark, worker="callee", at_least=0))
        return tuple(replace(record, cpu_time_ms=record.cpu_time_ms + moved_ms) for record in records)


SERIAL_FETCH = """
const plainFetch = globalThis.fetch;
let last = Promise.resolve();
globalThis.fetch = (...args) => (last = last.catch(() => {}).then(() => plainFetch(...args)));
"""

FAULTS: dict[str, Fault] = {
    "shared-globals": Fault(requirement="ISO-1", wrap=_SharedGlobals),
    "always-cold": Fault(requirement="ISO-2", alter=_with_on_demand, wrap=_AlwaysCold),
    "serialise-requests": Fault(requirement="ISO-3", wrap=_Serialised),
    "first-request-error": Fault(requirement="ISO-4", wrap=_FirstRequestFails),
    "isolate-per-request": Fault(requirement="ISO-5", alter=_with_on_demand, wrap=_AlwaysCold),
    "exception-spreads": Fault(requirement="ISO-7", wrap=_ExceptionSpreads),
    "limit-too-low": Fault(requirement="MEM-5", wrap=_LowLimit),
    "buffer-bodies": Fault(
        requirement="MEM-6", alter=_source("new Response(request.body)", "new Response(await request.arrayBuffer())")
    ),
    "single-clock": Fault(
        requirement="CPU-1", wrap=_records(lambda record: replace(record, wall_time_ms=record.cpu_time_ms))
    ),
    "wall-as-cpu": Fault(
        requirement="CPU-2", wrap=_records(lambda record: replace(record, cpu_time_ms=record.wall_time_ms))
    ),
    "wall-limit": Fault(requirement="CPU-9", wrap=_WallLimit),
    "parallel-js": Fault(
        requirement="CON-1", alter=_source("shared = read + 1;", "shared = step % 97 === 0 ? read : read + 1;")
    ),
    "serial-io": Fault(requirement="CON-2", alter=_source("const routes = {", f"{SERIAL_FETCH}\nconst routes = {{")),
    "env-leak": Fault(requirement="BND-1", alter=_around_env("(env) => ({ ...env, PLATFORM: {} })")),
    "binding-by-code": Fault(requirement="BND-2", alter=_each_worker(_one_namespace)),
    "binding-leak": Fault(requirement="BND-3", alter=_everybodys_bindings),
    "namespace-collision": Fault(requirement="BND-4", alter=_each_worker(_one_namespace)),
    "credential-in-env": Fault(
        requirement="BND-5", alter=_around_env("(env) => ({ ...env, STORE_URL: 'kv://user:password@127.0.0.1:6379' })")
    ),
    "dangling-binding": Fault(requirement="BND-6", alter=_without_dangling_services),
    "bound-service-by-url": Fault(requirement="NET-1", alter=_outbound(_open)),
    "control-plane-reachable": Fault(requirement="NET-2", alter=_outbound(_open)),
    "redirect-bypass": Fault(requirement="NET-4", alter=_outbound(_open)),
    "binding-follows-url": Fault(
        requirement="NET-3",
        alter=_on_bindings("name === 'fetch' ? globalThis.fetch(...args) : binding[name](...args)"),
    ),
    "rpc-missing": Fault(
        requirement="SVC-1", alter=_on_bindings("name === 'fetch' ? binding.fetch(...args) : undefined")
    ),
    "rpc-json-only": Fault(
        requirement="SVC-2",
        alter=_on_bindings(
            "name === 'fetch' ? binding.fetch(...args)"
            " : Promise.resolve(binding[name](...args)).then((value) => JSON.parse(JSON.stringify(value ?? null)))"
        ),
    ),
    "rpc-swallows-error": Fault(
        requirement="SVC-2",
        alter=_on_bindings(
            "name === 'fetch' ? binding.fetch(...args) : Promise.resolve(binding[name](...args)).catch(() => null)"
        ),
    ),
    "callee-charged-to-caller": Fault(requirement="SVC-3", wrap=_ledger(_CalleeChargedToCaller)),
    "stale-binding": Fault(requirement="SVC-4", wrap=_StaleBinding),
}
