"""Locust's FastHttpUser in a process of its own: `python -m loadgen.generator_benchmark.fast_http_user URL USERS S`.

As fast as Locust goes by itself: one process, no web page, no statistics printed, no waiting between requests. Prints
one line of JSON, `requests` and `errors` by Locust's own count. Importing this module monkey-patches the process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gevent
from locust import FastHttpUser, constant, task
from locust.env import Environment


class PlainUser(FastHttpUser):  # type: ignore[misc]  # Locust is not typed
    wait_time = constant(0)

    @task  # type: ignore[untyped-decorator]
    def root(self) -> None:
        self.client.get("/")


def main(url: str, users: int, seconds: float) -> dict[str, int]:
    environment: Any = Environment(user_classes=[PlainUser], host=url)
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.sleep(seconds)
    runner.quit()
    total = environment.stats.total
    return {"requests": total.num_requests - total.num_failures, "errors": total.num_failures}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1].rstrip("/"), int(sys.argv[2]), float(sys.argv[3]))), flush=True)
