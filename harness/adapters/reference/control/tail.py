"""Tail events: the Workers that want to know are told of each finished invocation."""

from __future__ import annotations

import time
from typing import Any

from harness.adapters.reference.control.invocation import Begin, Invocation
from harness.adapters.reference.control.platform import Platform
from harness.adapters.reference.control.replies import NoReply


class Tail:
    """Told of every finished invocation; deliveries of tail events themselves are told to nobody."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def finished(self, invocation: Invocation) -> None:
        record = self._platform.ledger.end(invocation)
        consumers = invocation.deployment.worker.tail_consumers
        if not consumers or invocation.begin.event == "tail":
            return
        request = invocation.begin.content.get("request")
        now_ms = int(time.time() * 1000)
        event: dict[str, Any] = {
            "scriptName": record.worker,
            "event": {"request": {"url": request["url"], "method": request["method"]}} if request else None,
            "eventTimestamp": now_ms - round(record.wall_time_ms),
            "logs": [{**log, "timestamp": now_ms} for log in invocation.logs],
            "exceptions": [{**exception, "timestamp": now_ms} for exception in invocation.exceptions],
            "outcome": record.outcome.value,
            "cpuTime": round(record.cpu_time_ms, 3),
            "wallTime": round(record.wall_time_ms, 3),
        }
        for consumer in consumers:
            begin = Begin(event="tail", content={"type": "tail", "events": [event]})
            self._platform.begin(self._platform.deployment(consumer.service), begin, NoReply())
