"""One thread that drives many connections from an epoll loop, closed or open, and tells what came of it.

Imports neither Locust nor gevent, and takes sockets, epoll, threads and locks as they were before gevent patched them.
"""

from loadgen.engine.endpoint import Endpoint
from loadgen.engine.engine import Engine
from loadgen.engine.errors import ErrorClass
from loadgen.engine.plan import LoadPlan, Pacing
from loadgen.engine.requests import Check, Fresh, Mix, One, Requests, Sequence, get
from loadgen.engine.saturation import Saturation, verdict
from loadgen.engine.tally import Interval, Tally

__all__ = [
    "Check",
    "Endpoint",
    "Engine",
    "ErrorClass",
    "Fresh",
    "Interval",
    "LoadPlan",
    "Mix",
    "One",
    "Pacing",
    "Requests",
    "Saturation",
    "Sequence",
    "Tally",
    "get",
    "verdict",
]
