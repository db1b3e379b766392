"""The probe `bound`, which does the same with whatever its bindings stand for, in several environments at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.asking import ask
from harness.application import Application
from harness.judging import Launcher
from harness.runtime import Instance

STORE = {"binding": "STORE", "key": "same key"}
"""A key in the KV namespace; for the path /kv."""

SHELF = {"binding": "SHELVES", "name": "same name", "key": "same key"}
"""A key in a Durable Object; for the path /object."""


def together(launch: Launcher, *environments: str, others: Iterable[str] = ()) -> Application:
    """The probe in several of its environments, each a Worker of its own, and other probes, as one application."""
    applications = [launch.application("bound", env=env) for env in environments]
    applications += [launch.application(other) for other in others]
    return Application(workers=tuple(worker for each in applications for worker in each.workers))


def read(instance: Instance, worker: str, path: str, target: Mapping[str, str]) -> Any:
    return ask(instance, worker, path, query=target)["value"]


def write(instance: Instance, worker: str, path: str, target: Mapping[str, str], value: str) -> None:
    ask(instance, worker, path, query=target, method="PUT", body=value.encode())
