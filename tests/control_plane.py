"""The control plane of the reference runtime with a host that is played: what it sends is kept, what comes is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.adapters.reference.control.bodies import Body
from harness.adapters.reference.control.capabilities import Answer, Call, Counted
from harness.adapters.reference.control.deploying import Deployer
from harness.adapters.reference.control.deployment import Deployment
from harness.adapters.reference.control.invocation import Begin, Failure, Invocation
from harness.adapters.reference.control.ledger import Ledger
from harness.adapters.reference.control.limits import LimitRules
from harness.adapters.reference.control.platform import RESULT, Platform
from harness.adapters.reference.control.policy import Policy
from harness.application import Worker
from harness.runtime import Invocation as Record
from harness.runtime import Plan

CORES = 8
"""Of the machine that is played: so many isolates may be busy."""

EXPORTS = json.dumps([{"name": "default", "kind": "object", "handlers": ["fetch"]}]).encode()


class Answered:
    """The answer to an invocation, as it came: what it is called, and what is in it."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.body: Body | None = None

    def responded(self, status: int, reason: str, headers: list[tuple[str, str]], body: Body | None) -> None:
        self.said.append(("responded", status))
        self.body = body

    def returned(self, coded: Any) -> None:
        self.said.append(("returned",))

    def failed(self, failure: Failure) -> None:
        self.said.append(("failed", failure.outcome.value))


class _Nothing:
    counted = Counted.NOT

    async def call(self, call: Call) -> Answer:
        return Answer()


class Plane:
    """A platform on the running loop. `sent`: (header, text, bytes) of each message to the host."""

    def __init__(self, folder: Path) -> None:
        policy = Policy()
        self.ledger = Ledger("here", keep=True)
        self.platform = Platform(policy, self.ledger)
        self.platform.link = self  # type: ignore[assignment]
        self.deployer = Deployer(self.platform, LimitRules(policy, Plan.PAID), _Nothing(), folder, "here")
        self.sent: list[tuple[list[Any], bytes, bytes]] = []

    def send(self, header: list[Any], text: bytes = b"", data: bytes = b"") -> None:
        self.sent.append((header, text, data))

    def deployed(self, name: str = "one") -> Deployment:
        """A Worker that serves, without having been tried out."""
        deployment = self.deployer.new_deployment(self.worker(name))
        deployment.pool._parallel = CORES
        self.platform.deployments[name] = deployment
        return deployment

    @staticmethod
    def worker(name: str = "one") -> Worker:
        return Worker(name=name, main="a.mjs", modules={"a.mjs": b""}, compatibility_date="2026-02-01", vars={})

    def begin(self, deployment: Deployment, body: Body | None = None) -> tuple[Invocation, Answered]:
        answered = Answered()
        content = {"type": "fetch", "request": {"url": "http://a/", "method": "POST", "headers": []}}
        begin = Begin(event="fetch", content=content, body=body)
        return self.platform.begin(deployment, begin, answered), answered

    # --- what the host says

    def hear(self, *header: Any, posts: list[Any] | None = None, text: bytes = b"") -> None:
        said = json.dumps(posts).encode() if posts else text
        self.platform.receive(list(header), memoryview(said), memoryview(b""))

    def ready(self, number: int) -> None:
        self.hear("ready", number, 0, text=EXPORTS)

    def turn(self, invocation: Invocation, *posts: list[Any], isolate: int, kind: int = 0) -> None:
        """A turn of that invocation is over."""
        self.hear("turn", isolate, invocation.request_id, 0, 0, [], 0, kind, posts=list(posts))

    # --- what was sent to it

    def of_kind(self, kind: str) -> list[list[Any]]:
        return [header for header, _, _ in self.sent if header[0] == kind]

    def beginnings(self) -> list[tuple[int, int, bytes]]:
        """(Isolate, request, bytes) of each request that was to begin."""
        return [(header[1], header[2], data) for header, _, data in self.sent if header[0] == "turn" and not header[3]]

    def results(self) -> list[int]:
        """The host calls that were answered."""
        return [header[4] for header in self.of_kind("turn") if header[3] == RESULT]

    def records(self) -> list[Record]:
        return list(self.ledger._records.values())


def response(invocation: Invocation, body: Any = None) -> list[Any]:
    """The post with which an isolate answers."""
    return ["respond", invocation.request_id, {"status": 200, "statusText": "", "headers": [], "body": body}]
