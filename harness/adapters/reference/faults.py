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


_REST_ON_ONE_ISOLATE = (
    *("ISO-1", "ISO-3", "ISO-6", "ISO-7", "ISO-11", "MEM-4", "MEM-7", "CPU-5", "CPU-10", "SUB-6"),
    *("CON-1", "CON-3", "CON-5", "BND-3", "NET-1", "NET-3", "SVC-3", "SVC-4"),
)
_WHY_ONE = "what rests on one isolate serving two requests does not hold, such as a service's list of its calls"

FAULTS: Mapping[str, Fault] = {
    "shared-globals": Fault(
        requirement="ISO-1", also=("ISO-6", "ISO-11", "CPU-10"), why="Workers in one isolate live and die as one"
    ),
    "always-cold": Fault(requirement="ISO-2", also=("ISO-5", *_REST_ON_ONE_ISOLATE), why=_WHY_ONE),
    "serialise-requests": Fault(
        requirement="ISO-3",
        also=("ISO-5", "MEM-4", "CPU-5", "SUB-6", "CON-1", "CON-2", "CON-3", "CON-5", "SVC-4"),
        why="requests are never in an isolate together",
    ),
    "first-request-error": Fault(
        requirement="ISO-4", also=("SUB-2",), why="a thousand calls at once meet a Worker without a warm isolate"
    ),
    "few-isolates": Fault(requirement="ISO-4", also=("ISO-1",), why="it has twenty Workers"),
    "isolate-per-request": Fault(
        requirement="ISO-5",
        also=("ISO-3", "MEM-4", "CPU-5", "SUB-6", "CON-1", "CON-5", "BND-3", "NET-1", "NET-3", "SVC-3", "SVC-4"),
        why="requests are never in an isolate together, and a service's list of its calls is in several",
    ),
    "isolate-never-reused": Fault(requirement="ISO-5", also=("ISO-2", *_REST_ON_ONE_ISOLATE), why=_WHY_ONE),
    "never-evict": Fault(requirement="ISO-6"),
    "evict-busy": Fault(requirement="ISO-6"),
    "exception-spreads": Fault(
        requirement="ISO-7", also=("SVC-1", "SVC-2", "SVC-3"), why="the caller of a method that throws goes on"
    ),
    "no-recovery": Fault(
        requirement="ISO-7",
        also=("SVC-1", "SVC-2", "SVC-3"),
        why="a service whose method threw is called again",
    ),
    "failed-start-spreads": Fault(requirement="ISO-7"),
    "shared-fate": Fault(requirement="ISO-11", also=("CPU-10",), why="the neighbour's isolate is to live on there too"),
    "heap-unlimited": Fault(
        requirement="MEM-1", also=("ISO-11", "MEM-3", "MEM-4", "MEM-7"), why="they too fill a heap and want it stopped"
    ),
    "buffers-uncounted": Fault(
        requirement="MEM-2", also=("MEM-3", "MEM-4", "MEM-7"), why="they too fill buffers and want them stopped"
    ),
    "limit-configurable": Fault(requirement="MEM-3"),
    "per-request-memory": Fault(requirement="MEM-4"),
    "limit-too-low": Fault(
        requirement="MEM-5",
        also=("MEM-1", "MEM-2", "MEM-3", "MEM-4", "MEM-7"),
        why="their control holds 96 MiB, and fails",
    ),
    "buffer-bodies": Fault(requirement="MEM-6"),
    "no-restart": Fault(requirement="MEM-7"),
    "single-clock": Fault(
        requirement="CPU-1",
        also=("CPU-2", "CPU-3", "CPU-5", "CPU-11"),
        why="their control is a wait that the wall clock shows",
    ),
    "wall-as-cpu": Fault(
        requirement="CPU-2",
        also=("CPU-1", "CPU-3", "CPU-4", "CPU-5", "CPU-6", "CPU-8", "CPU-11", "SVC-3"),
        why="all of them read CPU time",
    ),
    "binding-wait-as-cpu": Fault(requirement="CPU-3"),
    "cpu-undercount": Fault(
        requirement="CPU-4", also=("CPU-6", "CPU-8"), why="where a limit bites is read from the CPU time recorded"
    ),
    "cpu-in-ticks": Fault(
        requirement="CPU-4", also=("CPU-1", "CPU-5", "CPU-11", "SVC-3"), why="they look at what short work costs"
    ),
    "cpu-misattributed": Fault(requirement="CPU-5", also=("CPU-1",), why="its control is that those who compute pay"),
    "free-cpu-unlimited": Fault(requirement="CPU-6", also=("ISO-11", "CPU-10"), why="they spin on the free plan"),
    "paid-default-wrong": Fault(requirement="CPU-7"),
    "cpu-ms-ignored": Fault(requirement="CPU-8"),
    "cpu-cap-missing": Fault(requirement="CPU-8"),
    "cpu-cap-too-low": Fault(requirement="CPU-8", also=("MEM-3",), why="it asks for the highest settings"),
    "wall-limit": Fault(requirement="CPU-9", also=("ISO-6",), why="it waits for longer"),
    "no-preemption": Fault(
        requirement="CPU-10",
        also=("ISO-11", "CPU-6", "CPU-7", "CPU-8"),
        why="a limit that is not looked at within a turn is not found there",
    ),
    "bill-wall": Fault(requirement="CPU-11"),
    "free-external-off-by-one": Fault(requirement="SUB-1"),
    "free-internal-unlimited": Fault(requirement="SUB-2"),
    "paid-subrequests-unlimited": Fault(requirement="SUB-3"),
    "subrequests-ignored": Fault(
        requirement="SUB-4", also=("SUB-5", "SUB-6", "SUB-7"), why="they lower the limit to find it"
    ),
    "subrequest-cap-missing": Fault(requirement="SUB-4"),
    "subrequest-cap-too-low": Fault(requirement="SUB-4", also=("MEM-3",), why="it asks for the highest settings"),
    "bindings-uncounted": Fault(requirement="SUB-5", also=("SUB-2",), why="there is no limit without a count"),
    "counter-shared": Fault(requirement="SUB-6"),
    "redirects-uncounted": Fault(requirement="SUB-7"),
    "parallel-js": Fault(requirement="CON-1"),
    "serial-io": Fault(requirement="CON-2", also=("CON-4",), why="calls of Workers are I/O"),
    "serial-timers": Fault(requirement="CON-2"),
    "no-scale-out": Fault(requirement="CON-3"),
    "serial-workers": Fault(requirement="CON-4", also=("CON-2",), why="bound calls are to overlap there too"),
    "cross-request-io": Fault(requirement="CON-5"),
    "env-leak": Fault(requirement="BND-1"),
    "binding-missing": Fault(
        requirement="BND-1",
        also=(
            *("CPU-2", "CPU-3", "SUB-2", "SUB-3", "SUB-5", "CON-2", "CON-4"),
            *("BND-2", "BND-3", "BND-4", "BND-5", "NET-1", "NET-3", "SVC-1", "SVC-2", "SVC-3", "SVC-4"),
        ),
        why="all of them use bindings",
    ),
    "bindings-global": Fault(requirement="BND-1"),
    "binding-by-code": Fault(
        requirement="BND-2", also=("BND-3", "BND-4"), why="all of them rest on namespaces being apart"
    ),
    "binding-leak": Fault(
        requirement="BND-3", also=("BND-2", "BND-4"), why="what leaks is in env, under a name of its own"
    ),
    "key-is-a-path": Fault(requirement="BND-3"),
    "namespace-by-url": Fault(requirement="BND-3"),
    "object-ids-everywhere": Fault(
        requirement="BND-3", also=("BND-2", "BND-4"), why="an id is good everywhere where there is one namespace"
    ),
    "namespace-collision": Fault(
        requirement="BND-4", also=("BND-2", "BND-3"), why="all of them rest on namespaces being apart"
    ),
    "namespace-per-worker": Fault(requirement="BND-4"),
    "credential-in-env": Fault(requirement="BND-5", also=("BND-1",), why="it is a property of env too many"),
    "dangling-binding": Fault(requirement="BND-6"),
    "bound-service-by-url": Fault(requirement="NET-1"),
    "bound-service-by-header": Fault(requirement="NET-1"),
    "bound-service-by-redirect": Fault(
        requirement="NET-1", also=("NET-4",), why="a redirect to a bound service's port leads to loopback"
    ),
    "control-plane-reachable": Fault(
        requirement="NET-2", also=("NET-1", "NET-4"), why="a Worker's own port is the platform's too"
    ),
    "binding-follows-url": Fault(requirement="NET-3"),
    "redirect-bypass": Fault(requirement="NET-4", also=("NET-1",), why="a redirect to a bound service's port is one"),
    "rpc-missing": Fault(
        requirement="SVC-1",
        also=("SVC-2", "SVC-3", "SVC-4", "CON-2", "CON-4", "SUB-2", "SUB-5"),
        why="all of them call methods",
    ),
    "default-entrypoint-only": Fault(requirement="SVC-1"),
    "fetch-by-url-alone": Fault(requirement="SVC-1"),
    "missing-method-returns": Fault(
        requirement="SVC-1", also=("SVC-2",), why="a method that throws a TypeError looks like one that is missing"
    ),
    "rpc-json-only": Fault(requirement="SVC-2"),
    "rpc-swallows-error": Fault(
        requirement="SVC-2", also=("SVC-1",), why="that an entrypoint has no such method is told by an exception"
    ),
    "callee-charged-to-caller": Fault(requirement="SVC-3"),
    "callee-unrecorded": Fault(requirement="SVC-3", also=("CPU-2",), why="it reads the other Worker's record"),
    "stale-binding": Fault(requirement="SVC-4"),
}
