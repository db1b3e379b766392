"""From a word on the command line to an adapter.

`name` or `name,key=value,...` picks an entry point of the group `isomark.runtimes`, the built-in ones included;
`package.module:Class` picks any class that can be imported. Settings go to the class as keyword arguments.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from harness.errors import IsomarkError, UnknownRuntimeError, UsageError, did_you_mean
from harness.runtime import Runtime

GROUP = "isomark.runtimes"

_MEMBERS = ("name", "version", "identity", "features", "classes", "launch")


@dataclass(frozen=True, kw_only=True)
class RuntimeSpecification:
    """What --runtime says: an adapter's name and its settings."""

    adapter: str
    settings: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> RuntimeSpecification:
        """Raises `UsageError` for a setting that is not `key=value`."""
        adapter, *rest = text.split(",")
        settings = {}
        for word in rest:
            key, equals, value = word.partition("=")
            if not equals or not key.isidentifier():
                raise UsageError(
                    f"--runtime={text}: {word!r} is not a setting",
                    expected="NAME or NAME,key=value,key=value",
                    remedy="write the setting as key=value",
                )
            settings[key] = value
        return cls(adapter=adapter.strip(), settings=settings)


def known_adapters() -> tuple[str, ...]:
    """Names of the registered adapters, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def resolve(text: str) -> Runtime:
    """The adapter that `text` names, built with its settings.

    Raises `UnknownRuntimeError` when there is no such adapter or it does not import, and `UsageError` for settings it
    does not take.
    """
    specification = RuntimeSpecification.parse(text)
    adapter = _adapter(specification.adapter)
    _check_settings(adapter, specification)
    try:
        runtime: Any = adapter(**specification.settings)
    except IsomarkError:
        raise
    except Exception as error:  # whatever a third party's class raises when it is built
        raise UnknownRuntimeError(
            f"adapter {specification.adapter!r} cannot be built: {type(error).__name__}: {error}",
            expected="a class that takes its settings",
        ) from error
    missing = [member for member in _MEMBERS if not hasattr(runtime, member)]
    if missing:
        raise UnknownRuntimeError(
            f"adapter {specification.adapter!r} is not a Runtime: it has no {', '.join(missing)}",
            expected="the members of harness.runtime.Runtime",
            remedy="see docs/adapters/writing.md",
        )
    return runtime  # type: ignore[no-any-return]


def _adapter(name: str) -> Callable[..., object]:
    if ":" in name:
        module, _, attribute = name.partition(":")
        return _imported(name, lambda: getattr(importlib.import_module(module), attribute))
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return _imported(name, entry.load)
    raise UnknownRuntimeError(
        f"there is no runtime adapter {name!r}" if name else "--runtime is empty",
        expected=did_you_mean(name, known_adapters()),
        remedy="name one of these, or package.module:Class",
    )


def _imported(name: str, load: Callable[[], Any]) -> Callable[..., object]:
    try:
        adapter = load()
    except Exception as error:  # whatever a third party's module raises while it is imported
        raise UnknownRuntimeError(
            f"adapter {name!r} does not import: {type(error).__name__}: {error}",
            expected="an importable module with that class",
            remedy="check the spelling and that its package is installed in this environment",
        ) from error
    if not callable(adapter):
        raise UnknownRuntimeError(f"adapter {name!r} is a {type(adapter).__name__}", expected="a class")
    return adapter  # type: ignore[no-any-return]


def _check_settings(adapter: Callable[..., object], specification: RuntimeSpecification) -> None:
    parameters = inspect.signature(adapter).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    names = [parameter.name for parameter in parameters]
    for key in specification.settings:
        if key not in names:
            raise UsageError(
                f"runtime {specification.adapter!r} has no setting {key!r}",
                expected=did_you_mean(key, names) or "no settings at all",
            )
