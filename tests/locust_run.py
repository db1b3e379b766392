"""Real `locust` processes over `loadgen/locustfile.py`, on ports from the system, with a way to see what they leave."""

from __future__ import annotations

import contextlib
import csv
import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.locust_results import LocustResult
from harness.toolchain import CHECKOUT
from tests.child_run import Child

LOCUSTFILE = CHECKOUT / "loadgen" / "locustfile.py"


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port that the system gives to nobody else meanwhile, and that a server which reuses addresses can listen on."""
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind(("127.0.0.1", 0))
        yield holding.getsockname()[1]


class LocustRun(Child):  # type: ignore[misc]
    """`locust -f loadgen/locustfile.py ...` with a folder of its own below `folder`; results in `out`."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        files: tuple[Path, ...] = (),
        headless: bool = True,
        most_open_files: int | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.out = folder / "out"
        names = ",".join(map(str, (LOCUSTFILE, *files)))
        command = [sys.executable, "-m", "locust", "-f", names, f"--out={self.out}"]
        if most_open_files is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {most_open_files}; exec "$@"', "sh", *command]
        super().__init__(folder, [*command, *(["--headless"] if headless else []), *options], {"NO_COLOR": "1"})

    def result(self) -> LocustResult:
        path = self.out / "locust.json"
        assert path.exists(), self.output()
        return msgspec.json.decode(path.read_bytes(), type=LocustResult)

    def interrupt(self) -> None:
        """What Ctrl-C in a terminal does: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def measuring(self, prefix: Path) -> bool:
        """Whether Locust's own file says that requests were answered."""
        try:
            return int(self.total(prefix)["Request Count"]) > 0
        except (OSError, StopIteration, ValueError, KeyError):
            return False

    def total(self, prefix: Path) -> dict[str, str]:
        """The totals in Locust's own CSV file."""
        with Path(f"{prefix}_stats.csv").open(newline="") as file:
            return next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")

    def failures(self, prefix: Path) -> dict[str, int]:
        with Path(f"{prefix}_failures.csv").open(newline="") as file:
            return {row["Error"]: int(row["Occurrences"]) for row in csv.DictReader(file)}


def get_json(port: int, path: str, *, form: bytes | None = None) -> Any:
    """Ask a page of Locust's for its JSON; with a form, as a browser sends one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        kind = {"content-type": "application/x-www-form-urlencoded"}
        connection.request("GET" if form is None else "POST", path, body=form, headers=kind)
        return json.load(connection.getresponse())
