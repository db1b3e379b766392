"""An application: Workers read from wrangler.jsonc, wrangler.json or wrangler.toml. One description for every runtime.

Each probe is a project that `wrangler deploy` accepts as it stands. `Application.load` refuses what it does not know,
naming the file, the key and the nearest key it knows; what wrangler knows but no adapter does yet is kept as a needed
feature, so that a runtime refuses it by name instead of dropping it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import json5
import msgspec

from harness.errors import ConfigurationError, did_you_mean
from harness.features import Feature

FILE_NAMES = ("wrangler.jsonc", "wrangler.json", "wrangler.toml")
MODULE_SUFFIXES = (".mjs", ".js", ".wasm")


class KvNamespace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    binding: str
    id: str = ""
    preview_id: str | None = None


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    binding: str
    service: str
    entrypoint: str | None = None
    environment: str | None = None


class DurableObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    class_name: str
    script_name: str | None = None


class DurableObjects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bindings: tuple[DurableObject, ...] = ()


class Migration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tag: str
    new_classes: tuple[str, ...] = ()
    new_sqlite_classes: tuple[str, ...] = ()


class D1Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    binding: str
    database_name: str = ""
    database_id: str = ""
    preview_database_id: str | None = None
    migrations_dir: str | None = None


class TailConsumer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Worker that is told of every finished invocation."""

    service: str
    environment: str | None = None


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wrangler checks neither value; refusing what is out of range is the runtime's promise."""

    cpu_ms: int | None = None
    subrequests: int | None = None


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys that stand at the top of the file or under env.<name>. `None` means the key is absent."""

    name: str | None = None
    main: str | None = None
    compatibility_date: str | None = None
    compatibility_flags: tuple[str, ...] | None = None
    vars: dict[str, Any] | None = None
    kv_namespaces: tuple[KvNamespace, ...] | None = None
    services: tuple[Service, ...] | None = None
    durable_objects: DurableObjects | None = None
    limits: Limits | None = None
    migrations: tuple[Migration, ...] | None = None
    d1_databases: tuple[D1Database, ...] | None = None
    tail_consumers: tuple[TailConsumer, ...] | None = None
    # Known to wrangler, translated by no adapter yet: kept only as the feature they need.
    r2_buckets: Any = None
    queues: Any = None
    workflows: Any = None
    hyperdrive: Any = None
    vpc_services: Any = None
    containers: Any = None
    placement: Any = None
    ai: Any = None


class _File(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    env: dict[str, _Section] = {}
    schema: Any = msgspec.field(name="$schema", default=None)


_FEATURE_OF_KEY: Mapping[str, Feature] = {
    "vars": Feature.VARS,
    "kv_namespaces": Feature.KV_NAMESPACES,
    "services": Feature.SERVICE_BINDINGS,
    "durable_objects": Feature.DURABLE_OBJECTS,
    "limits": Feature.LIMITS,
    "r2_buckets": Feature.R2_BUCKETS,
    "d1_databases": Feature.D1_DATABASES,
    "queues": Feature.QUEUES,
    "workflows": Feature.WORKFLOWS,
    "hyperdrive": Feature.HYPERDRIVE,
    "vpc_services": Feature.VPC_SERVICES,
    "containers": Feature.CONTAINERS,
    "placement": Feature.PLACEMENT,
    "tail_consumers": Feature.TAIL_CONSUMERS,
    "ai": Feature.AI,
}

# wrangler: an environment takes these from the top level when it does not set them; bindings and vars it never takes.
_INHERITED = ("name", "main", "compatibility_date", "compatibility_flags", "limits", "migrations", "placement")


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One Worker. `modules` maps a module's name to its bytes; `main` is the name of the entry module."""

    name: str
    main: str
    modules: Mapping[str, bytes]
    compatibility_date: str
    compatibility_flags: tuple[str, ...] = ()
    vars: Mapping[str, Any]
    kv_namespaces: tuple[KvNamespace, ...] = ()
    services: tuple[Service, ...] = ()
    durable_objects: tuple[DurableObject, ...] = ()
    sqlite_classes: frozenset[str] = frozenset()
    d1_databases: tuple[D1Database, ...] = ()
    tail_consumers: tuple[TailConsumer, ...] = ()
    limits: Limits | None = None
    other_features: frozenset[Feature] = frozenset()

    def features(self) -> frozenset[Feature]:
        """What a runtime must have to serve this Worker."""
        present = {
            Feature.VARS: self.vars,
            Feature.KV_NAMESPACES: self.kv_namespaces,
            Feature.SERVICE_BINDINGS: self.services,
            Feature.DURABLE_OBJECTS: self.durable_objects,
            Feature.D1_DATABASES: self.d1_databases,
            Feature.TAIL_CONSUMERS: self.tail_consumers,
            Feature.LIMITS: self.limits,
        }
        return frozenset(feature for feature, value in present.items() if value) | self.other_features

    def with_source(self, source: str) -> Worker:
        """The same Worker with another entry module: what a redeploy sends."""
        return replace(self, modules={**self.modules, self.main: source.encode()})


@dataclass(frozen=True, kw_only=True)
class Application:
    """Workers deployed together. Service bindings name each other within it; the first one is the front."""

    workers: tuple[Worker, ...]

    def __post_init__(self) -> None:
        names = [worker.name for worker in self.workers]
        if not names:
            raise ConfigurationError("an application without Workers", expected="at least one Worker")
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ConfigurationError(
                f"two Workers of one application are both named {sorted(twice)[0]!r}",
                expected="a name of its own for each",
                remedy="change `name` in one of the wrangler files",
            )

    @classmethod
    def load(cls, *folders: Path, env: str | None = None) -> Application:
        """Read one Worker from each folder. `env` picks that environment where a file has it, as `wrangler -e` does.

        Raises `ConfigurationError` for anything that cannot be read or is not known.
        """
        return cls(workers=tuple(load_worker(folder, env=env) for folder in folders))

    def worker(self, name: str) -> Worker:
        for worker in self.workers:
            if worker.name == name:
                return worker
        raise ConfigurationError(
            f"the application has no Worker named {name!r}",
            expected=did_you_mean(name, (worker.name for worker in self.workers)),
        )


def load_worker(folder: Path, *, env: str | None = None) -> Worker:
    """Read the Worker whose wrangler file lies in `folder`. Raises `ConfigurationError`."""
    path = _find(folder)
    content = _parse(path)
    top = _convert(path, content)
    section: _Section = top
    if env is not None and top.env:
        if env not in top.env:
            raise ConfigurationError(f"{path} has no environment {env!r}", expected=did_you_mean(env, top.env))
        section = _inherit(top, top.env[env])
    for key in ("name", "main", "compatibility_date"):
        if not getattr(section, key):
            raise ConfigurationError(
                f"{path} has no {key!r}", expected="name, main and compatibility_date", remedy=f"add {key!r}"
            )
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(section.name)):
        raise ConfigurationError(
            f"{path}: name {section.name!r} is not a Worker name", expected="lower-case letters, digits and hyphens"
        )
    return _worker(path, section)


def _find(folder: Path) -> Path:
    for name in FILE_NAMES:
        path = folder / name
        if path.is_file():
            return path
    raise ConfigurationError(
        f"no wrangler file in {folder}", expected="one of " + ", ".join(FILE_NAMES), remedy="check the folder's name"
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else _joined(json5.loads(text))
    except (OSError, ValueError) as error:  # json5 and tomllib both raise ValueErrors that carry line and column
        raise ConfigurationError(
            f"{path} cannot be read: {error}", expected="TOML" if path.suffix == ".toml" else "JSON with comments"
        ) from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} holds a {type(content).__name__}", expected="an object of settings")
    return content


def _joined(value: Any) -> Any:
    """json5 reads a character above U+FFFF that is written as two escapes as two characters: make it one."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    if isinstance(value, dict):
        return {_joined(key): _joined(each) for key, each in value.items()}
    return [_joined(each) for each in value] if isinstance(value, list) else value


def _convert(path: Path, content: dict[str, Any]) -> _File:
    try:
        return msgspec.convert(content, _File)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {_explain(str(error), content)}", remedy="correct that key") from error


def _explain(message: str, content: dict[str, Any]) -> str:
    """msgspec's message, and for an unknown key the nearest known one of the struct it stands in."""
    unknown = re.match(r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?", message)
    if unknown is None:
        return message.replace("`$.", "`")
    key, where = unknown.group(1), unknown.group(2) or ""
    within = re.sub(r"^env\[[^\]]*\]\.?", "", where)  # an environment's section has the same keys
    owner = next((struct for prefix, struct in _STRUCT_AT if within.startswith(prefix)), _Section if where else _File)
    known = [field.encode_name for field in msgspec.structs.fields(owner)]
    place = f" in {where}" if where else ""
    return f"unknown key {key!r}{place}; {did_you_mean(key, known)}"


_STRUCT_AT: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("kv_namespaces", KvNamespace),
    ("services", Service),
    ("durable_objects.bindings", DurableObject),
    ("durable_objects", DurableObjects),
    ("d1_databases", D1Database),
    ("tail_consumers", TailConsumer),
    ("limits", Limits),
    ("migrations", Migration),
)


def _inherit(top: _File, section: _Section) -> _Section:
    taken = {key: getattr(top, key) for key in _INHERITED if getattr(section, key) is None}
    return msgspec.structs.replace(section, **taken)


def _worker(path: Path, section: _Section) -> Worker:
    main = path.parent / str(section.main)
    if not main.is_file():
        raise ConfigurationError(
            f"{path}: main {section.main!r} is not there", expected=f"a JavaScript module at {main}"
        )
    if main.suffix not in MODULE_SUFFIXES:
        raise ConfigurationError(
            f"{path}: main {section.main!r} is not JavaScript", expected="a file that ends in .mjs or .js, built before"
        )
    _check_vars(path, section)
    modules = {
        file.relative_to(main.parent).as_posix(): file.read_bytes()
        for file in sorted(main.parent.rglob("*"))
        if file.suffix in MODULE_SUFFIXES and file.is_file()
    }
    modelled = {
        *(Feature.VARS, Feature.KV_NAMESPACES, Feature.SERVICE_BINDINGS, Feature.DURABLE_OBJECTS),
        *(Feature.D1_DATABASES, Feature.TAIL_CONSUMERS, Feature.LIMITS),
    }
    other = {
        feature
        for key, feature in _FEATURE_OF_KEY.items()
        if feature not in modelled and getattr(section, key) not in (None, [], {})
    }
    return Worker(
        name=str(section.name),
        main=main.name,
        modules=modules,
        compatibility_date=str(section.compatibility_date),
        compatibility_flags=section.compatibility_flags or (),
        vars=section.vars or {},
        kv_namespaces=section.kv_namespaces or (),
        services=section.services or (),
        durable_objects=section.durable_objects.bindings if section.durable_objects else (),
        sqlite_classes=frozenset(
            name for migration in section.migrations or () for name in migration.new_sqlite_classes
        ),
        d1_databases=section.d1_databases or (),
        tail_consumers=section.tail_consumers or (),
        limits=section.limits,
        other_features=frozenset(other),
    )


def _check_vars(path: Path, section: _Section) -> None:
    """A Worker's `vars` travel as JSON: no dates (which TOML has), NaN (which JSON5 has) or lone surrogates."""
    try:
        json.dumps(section.vars, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{path}: vars cannot be sent as JSON: {error}", expected="text, numbers, booleans, lists and objects"
        ) from error
