"""What comes in at a Worker's front: HTTP requests, and the paths by which other handlers are triggered.

The trigger paths are those of Cloudflare's own local tools.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

from harness.adapters.reference.control.exchange import Exchange
from harness.adapters.reference.control.invocation import Begin
from harness.adapters.reference.control.platform import Platform
from harness.adapters.reference.control.replies import ClientReply, TriggerReply

SCHEDULED_PATH = "/cdn-cgi/handler/scheduled"
QUEUE_PATH = "/cdn-cgi/handler/queue"
ISOLATE_HEADER = "isomark-isolate"


class FrontDoor:
    """The handler of one Worker's front. `on_demand`: whether a header may name an isolate of its own."""

    def __init__(self, platform: Platform, worker: str, *, on_demand: bool) -> None:
        self._platform = platform
        self._worker = worker
        self._on_demand = on_demand

    def __call__(self, exchange: Exchange) -> None:
        if exchange.target.startswith("/cdn-cgi/handler/"):
            self._trigger(exchange)
            return
        request = {
            "url": f"http://{exchange.authority}{exchange.target}",
            "method": exchange.method,
            "headers": exchange.headers,
        }
        begin = Begin(
            event="fetch", content={"type": "fetch", "entrypoint": None, "request": request}, body=exchange.body
        )
        place = None
        if self._on_demand:
            asked = next((value for name, value in exchange.headers if name == ISOLATE_HEADER), None)
            place = None if asked is None else f"isolate:{asked}"
        platform = self._platform
        invocation = platform.begin(platform.deployment(self._worker), begin, ClientReply(exchange), place=place)
        exchange.on_gone = lambda: platform.client_gone(invocation)

    def _trigger(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        now_ms = int(time.time() * 1000)
        if parts.path == SCHEDULED_PATH:
            scheduled_ms = int(query.get("time") or now_ms) if (query.get("time") or "0").isdigit() else now_ms
            content = {"type": "scheduled", "cron": query.get("cron", ""), "scheduledTime": scheduled_ms}
            begin = Begin(event="scheduled", content=content)
        elif parts.path == QUEUE_PATH:
            texts = query.get("message")
            messages = [{"id": "1", "timestamp": now_ms, "body": texts, "attempts": 1}] if texts else []
            begin = Begin(
                event="queue", content={"type": "queue", "queue": query.get("queue", ""), "messages": messages}
            )
        else:
            exchange.respond_error(404, f"expected {SCHEDULED_PATH} or {QUEUE_PATH}\n")
            return
        platform = self._platform
        platform.begin(platform.deployment(self._worker), begin, TriggerReply(exchange))
