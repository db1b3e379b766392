"""The Workers the contract kit brings along, and how an application comes to need each feature."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.application import Application
from harness.features import Feature
from harness.runtime import Conditions, IsolatesOnDemand, Outbound

SOURCE = """
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let isolate;
const routes = {
  "/echo": async (request, url) => Response.json({
    method: request.method, path: url.pathname + url.search, body: await request.text(),
    header: request.headers.get("x-isomark"), cookie: request.headers.get("cookie"),
  }),
  "/teapot": () => new Response("short and stout", { status: 418, headers: { "X-Isomark": "Kept" } }),
  "/redirect": () => new Response(null, { status: 302, headers: { location: "/echo" } }),
  "/cookies": () => new Response("set", { headers: [["set-cookie", "isomark=1; Path=/"], ["set-cookie", "second=2"]] }),
  "/isolate": () => new Response((isolate ??= crypto.randomUUID())),
  "/late": async () => { await pause(3600_000); return new Response("late"); },
  "/throw": () => { throw new Error("thrown by the contract kit"); },
};
export default {
  async fetch(request) {
    const url = new URL(request.url);
    const route = routes[url.pathname];
    return route ? route(request, url) : new Response("hello, MARK");
  },
};
"""

COOKIES = ["isomark=1; Path=/", "second=2"]
"""Which /cookies sets."""

NOT_RUNNABLE = {
    "a module that does not parse": "export default {",
    "a module that throws when it starts": "throw new TypeError('thrown at start');\nexport default { fetch() {} };",
    "a module whose default export is no handler": "export default 5;",
}

KEYS_THAT_NEED: Mapping[Feature, dict[str, Any]] = {
    Feature.VARS: {"vars": {"A": "a"}},
    Feature.SERVICE_BINDINGS: {"services": [{"binding": "SELF", "service": "hello"}]},
    Feature.KV_NAMESPACES: {"kv_namespaces": [{"binding": "KV"}]},
    Feature.DURABLE_OBJECTS: {"durable_objects": {"bindings": [{"name": "OBJECT", "class_name": "Thing"}]}},
    Feature.LIMITS: {"limits": {"cpu_ms": 50}},
    Feature.R2_BUCKETS: {"r2_buckets": [{"binding": "BUCKET"}]},
    Feature.D1_DATABASES: {"d1_databases": [{"binding": "DB"}]},
    Feature.QUEUES: {"queues": {"producers": [{"binding": "QUEUE", "queue": "q"}]}},
    Feature.WORKFLOWS: {"workflows": [{"binding": "FLOW", "name": "flow", "class_name": "Flow"}]},
    Feature.HYPERDRIVE: {"hyperdrive": [{"binding": "DB", "id": "1"}]},
    Feature.VPC_SERVICES: {"vpc_services": [{"binding": "VPC", "service_id": "1"}]},
    Feature.CONTAINERS: {"containers": [{"class_name": "Box", "image": "./Dockerfile"}]},
    Feature.PLACEMENT: {"placement": {"mode": "smart"}},
    Feature.TAIL_CONSUMERS: {"tail_consumers": [{"service": "hello"}]},
    Feature.AI: {"ai": {"binding": "AI"}},
}

CONDITIONS_THAT_NEED: Mapping[Feature, Conditions] = {
    Feature.REDEPLOY: Conditions(redeployable=frozenset({"hello"})),
    Feature.OUTBOUND_GATEWAY: Conditions(outbound=Outbound(gateway="127.0.0.1:9")),
    Feature.ISOLATES_ON_DEMAND: Conditions(instruments=frozenset({IsolatesOnDemand})),
}


def project(folder: Path, *, source: str = SOURCE, name: str = "hello", **keys: object) -> tuple[Application, str]:
    """Write a Worker as a wrangler project below `folder`; the application, and the mark only this Worker answers."""
    mark = secrets.token_hex(6)
    place = folder / f"{name}-{mark}"
    place.mkdir(parents=True)
    settings = {"name": name, "main": "index.mjs", "compatibility_date": "2026-02-01", **keys}
    (place / "wrangler.jsonc").write_text(json.dumps(settings), encoding="utf-8")
    (place / "index.mjs").write_text(source.replace("MARK", mark), encoding="utf-8")
    return Application.load(place), mark
