"""The faults of the reference runtime, by name: each breaks one promise. What it changes is in `control/faults.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`requirement`: whose tests must fail. `also`: requirements that fall with it by necessity; `why` says why."""

    requirement: str
    also: tuple[str, ...] = ()
    why: str = ""


FAULTS: Mapping[str, Fault] = {
    "shared-globals": Fault(requirement="ISO-1", also=("SVC-3",), why="SVC-3 promises separate globals too"),
    "always-cold": Fault(requirement="ISO-2", also=("ISO-5",), why="an isolate per request is a new one each time"),
    "serialise-requests": Fault(requirement="ISO-3"),
    "first-request-error": Fault(requirement="ISO-4"),
    "isolate-per-request": Fault(requirement="ISO-5"),
    "never-evict": Fault(requirement="ISO-6"),
    "exception-spreads": Fault(requirement="ISO-7"),
    "shared-fate": Fault(requirement="ISO-11"),
    "heap-unlimited": Fault(requirement="MEM-1"),
    "buffers-uncounted": Fault(requirement="MEM-2"),
    "limit-configurable": Fault(requirement="MEM-3"),
    "per-request-memory": Fault(requirement="MEM-4"),
    "limit-too-low": Fault(requirement="MEM-5"),
    "buffer-bodies": Fault(requirement="MEM-6"),
    "no-restart": Fault(requirement="MEM-7"),
    "single-clock": Fault(requirement="CPU-1"),
    "wall-as-cpu": Fault(requirement="CPU-2"),
    "binding-wait-as-cpu": Fault(requirement="CPU-3"),
    "cpu-undercount": Fault(requirement="CPU-4"),
    "cpu-misattributed": Fault(requirement="CPU-5"),
    "free-cpu-unlimited": Fault(requirement="CPU-6"),
    "paid-default-wrong": Fault(requirement="CPU-7"),
    "cpu-ms-ignored": Fault(requirement="CPU-8"),
    "cpu-cap-missing": Fault(requirement="CPU-8"),
    "wall-limit": Fault(requirement="CPU-9"),
    "no-preemption": Fault(requirement="CPU-10"),
    "bill-wall": Fault(requirement="CPU-11"),
    "free-external-off-by-one": Fault(requirement="SUB-1"),
    "free-internal-unlimited": Fault(requirement="SUB-2"),
    "paid-subrequests-unlimited": Fault(requirement="SUB-3"),
    "subrequests-ignored": Fault(requirement="SUB-4"),
    "bindings-uncounted": Fault(requirement="SUB-5"),
    "counter-shared": Fault(requirement="SUB-6"),
    "redirects-uncounted": Fault(requirement="SUB-7"),
    "parallel-js": Fault(requirement="CON-1"),
    "serial-io": Fault(requirement="CON-2"),
    "no-scale-out": Fault(requirement="CON-3"),
    "serial-workers": Fault(requirement="CON-4"),
    "cross-request-io": Fault(requirement="CON-5"),
    "env-leak": Fault(requirement="BND-1"),
    "binding-by-code": Fault(
        requirement="BND-2", also=("BND-3", "BND-4"), why="all three rest on namespaces being apart"
    ),
    "binding-leak": Fault(requirement="BND-3", also=("BND-1",), why="what leaks is a property of env too many"),
    "namespace-collision": Fault(
        requirement="BND-4", also=("BND-2", "BND-3"), why="all three rest on namespaces being apart"
    ),
    "credential-in-env": Fault(requirement="BND-5", also=("BND-1",), why="it is a property of env too many"),
    "dangling-binding": Fault(requirement="BND-6"),
    "bound-service-by-url": Fault(requirement="NET-1"),
    "control-plane-reachable": Fault(
        requirement="NET-2", also=("NET-1", "NET-4"), why="a Worker's own port is the platform's too"
    ),
    "binding-follows-url": Fault(
        requirement="NET-3", also=("SVC-1",), why="fetch() on a binding is a call of the Worker"
    ),
    "redirect-bypass": Fault(requirement="NET-4", also=("NET-1",), why="a redirect to a bound service's port is one"),
    "rpc-missing": Fault(requirement="SVC-1", also=("SVC-2", "SVC-3", "SVC-4"), why="all of them call methods"),
    "rpc-json-only": Fault(requirement="SVC-2"),
    "rpc-swallows-error": Fault(requirement="SVC-2"),
    "callee-charged-to-caller": Fault(requirement="SVC-3"),
    "stale-binding": Fault(requirement="SVC-4"),
}
