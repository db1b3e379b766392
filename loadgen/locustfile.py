"""Load by Locust, with its web page or `--headless`:

    locust -f loadgen/locustfile.py --headless --runtime=workerd --scenario=warm --run-time=10s
    locust -f loadgen/locustfile.py --headless --target=unix:run/server.sock --arrivals=constant:1000/s --run-time=10s
    locust -f loadgen/locustfile.py --processes=2 --runtime=reference --connections=100

`--processes`, `--master` and `--worker`, `--csv` and load shapes work as they always do; a shape stands in a file of
its own: `-f loadgen/locustfile.py,my_shape.py`. What a number of users means stands in `vector_user`. The runtime is
launched once, by the process that is alone or the master, and ends with it. Everything listens on loopback only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from locust import events
from locust.runners import MasterRunner, WorkerRunner

from harness.errors import IsomarkError
from harness.registry import resolve
from loadgen.arrivals import parse
from loadgen.distributed import Master, Worker
from loadgen.engine import Endpoint
from loadgen.load_scenarios import SCENARIOS, named
from loadgen.swarm import csv_end, interrupts, precision
from loadgen.swarm.local import Local
from loadgen.vector_user import VectorUser

LOOPBACK = "127.0.0.1"

precision.install()
csv_end.install()


class ManyConnections(VectorUser):
    """The user class that Locust finds in this file."""

    abstract = False


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """An argument's type: the text itself, once `check` has let it pass. Ends the process with the error's code."""

    def text_if_right(text: str) -> str:
        try:
            check(text)
        except IsomarkError as error:
            _fail(error)
        return text

    return text_if_right


def _fail(error: IsomarkError) -> None:
    print(f"isomark load: {error}", file=sys.stderr, flush=True)
    raise SystemExit(error.exit_code)


def _arrivals(text: str) -> None:
    if text:
        parse(text, duration_s=1.0)  # the real duration may come from --run-time, which is not known here


def add_options(parser: Any) -> None:
    """isomark's own options, and loopback as the default of everything that listens."""
    parser.set_defaults(master_bind_host=LOOPBACK, web_host=LOOPBACK)
    parser.add_argument(
        "--runtime",
        type=_checked(resolve),
        include_in_web_ui=False,
        metavar="NAME",
        help="runtime to launch and measure, with settings as in NAME,key=value",
    )
    parser.add_argument(
        "--target",
        type=_checked(Endpoint.parse),
        include_in_web_ui=False,
        metavar="URL",
        help="what to measure instead, if it runs already: http://127.0.0.1:PORT, https://... or unix:/path",
    )
    parser.add_argument(
        "--scenario",
        type=_checked(named),
        include_in_web_ui=False,
        metavar="NAME",
        help=f"what is asked, and which answer is right: {', '.join(SCENARIOS)}; default: warm, or GET / of a target",
    )
    parser.add_argument(
        "--connections",
        type=_connections,
        default=64,
        metavar="N",
        help="connections of each user, or with --arrivals of each worker process; 64 by default",
    )
    parser.add_argument(
        "--arrivals",
        type=_checked(_arrivals),
        default="",
        metavar="SCHEDULE",
        help="open loop over all workers together, such as constant:1000/s or trace:times.csv; closed loop without it",
    )
    parser.add_argument(
        "--warm-up",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="at the start, checked but not timed; 1 by default",
    )
    parser.add_argument(
        "--out",
        default="",
        include_in_web_ui=False,
        metavar="DIR",
        help="folder for locust.json, .hlog and .hgrm",
    )


def _connections(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} connections; expected at least 1")
    return number


_worker: Worker | None = None


def fill_report(client_id: str, data: dict[str, Any]) -> None:
    """Of a worker: add isomark's part to a report."""
    if _worker is not None:
        _worker.fill(data)


def begin(environment: Any, runner: Any, **_: object) -> None:
    """Take this process's part. Ends it, with the error's code, when there is nothing to measure."""
    global _worker  # noqa: PLW0603 - one process, one part
    interrupts.install()
    if isinstance(runner, WorkerRunner):
        _worker = Worker(environment)
        return
    first = Master(environment) if isinstance(runner, MasterRunner) else Local(environment)
    try:
        first.find_target()
        if environment.parsed_options.headless:
            first.check_order()
    except IsomarkError as error:
        first.on_quit()
        _fail(error)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(begin)
# Before Locust's own listener, which is added with the runner: what this one moves into the statistics is to be in the
# same report.
events.report_to_master.add_listener(fill_report)
