"""What the tests of interleaved runs share: small extents, runtimes to which something happens, and a run as a child.

`python -m tests.interleaved_runs WORDS` is `isomark WORDS` with the small extents.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import jsonschema

from harness import cli, environment, schemas
from harness.adapters.node import NodeRuntime
from harness.application import Application
from harness.errors import StartError
from harness.interleaved_results import INTERLEAVED_FILE, JOURNAL_FILE, InterleavedReport, read_interleaved
from harness.load_results import LoadReport, read_load
from harness.runtime import PLAIN, Conditions, Instance, Processes
from loadgen.interleaved import extents
from loadgen.scenarios.extent import Extent
from tests.scenario_runs import check_files

LAUNCHES = 3

SMALL = {
    "warm": Extent(launches=LAUNCHES, rounds=2, seconds=0.06, warm_up_s=0.01),
    "concurrency": Extent(launches=LAUNCHES, rounds=1, seconds=0.06, points=(1, 2)),
    "cold-start": Extent(launches=LAUNCHES, rounds=1, count=2, starts=1, without=("code-cache",)),
    "chain": Extent(launches=LAUNCHES, rounds=1, seconds=0.06, points=(1, 3)),
}
TWO = ("warm", "concurrency")
"""The scenarios of most runs."""

HERE = "tests.interleaved_runs"

SUBJECTS = (f"one=runtime={HERE}:Eventful", "node=floor=node")


def small(setattr_: Callable[[object, str, object], None] = setattr) -> None:
    """Make every run of this process small, and spare it the second in which the machine is watched.

    All are of one commit, whatever is done to the checkout meanwhile.
    """
    setattr_(extents, "EXTENTS", {name: {"quick": extent, "full": extent} for name, extent in SMALL.items()})
    setattr_(extents, "LAUNCHES", {"quick": LAUNCHES, "full": LAUNCHES})
    setattr_(environment, "busy_share", lambda: 0.0)
    setattr_(environment, "commit", lambda: ("c" * 40, False))


def words(
    out: Path, *more: str, subjects: Sequence[str] = SUBJECTS, scenarios: Sequence[str] = TWO, seed: int | None = 7
) -> list[str]:
    """The command line."""
    return [
        "bench",
        "interleaved",
        *(f"--subject={each}" for each in subjects),
        *(f"--scenario={each}" for each in scenarios),
        *([] if seed is None else [f"--seed={seed}"]),
        f"--out={out}",
        *more,
    ]


def ran(out: Path, *more: str, **settings: Any) -> int:
    """Run it in this process; the exit code."""
    return cli.main(words(out, *more, **settings))


def lines(out: Path) -> list[dict[str, Any]]:
    """The journal's lines, the head first."""
    return [json.loads(line) for line in (out / JOURNAL_FILE).read_text().splitlines()]


def launches(out: Path) -> list[tuple[str, str, int]]:
    """Scenario, subject and round of each launch that the journal has as finished, in its order."""
    return [(line["scenario"], line["subject"], line["number"]) for line in lines(out) if line["kind"] == "launch"]


def failures(out: Path) -> list[tuple[str, str, int, int]]:
    """Scenario, subject, round and attempt of each that failed."""
    return [
        (line["scenario"], line["subject"], line["number"], line["attempt"])
        for line in lines(out)
        if line["kind"] == "failed"
    ]


def report(out: Path) -> InterleavedReport:
    """What was written, held against the published schema and against the files it names."""
    path = out / INTERLEAVED_FILE
    jsonschema.validate(json.loads(path.read_text()), schemas.schema_of(*schemas.FILES["interleaved.schema.json"]))
    found = read_interleaved(path)
    for load, folder in loads(out, found).values():
        assert (load.run.seed, load.pinning) == (found.run.seed, found.pinning)
        check_files(load, folder)
    return found


def loads(out: Path, whole: InterleavedReport) -> Mapping[tuple[str, str], tuple[LoadReport, Path]]:
    """By scenario and subject: the load.json and its folder."""
    paths = {(source.scenario, source.subject): out / source.path for source in whole.sources}
    return {key: (read_load(path), path.parent) for key, path in paths.items()}


def load(out: Path, scenario: str, subject: str) -> LoadReport:
    return loads(out, report(out))[scenario, subject][0]


def copy_of(whole: Path, folder: Path) -> Path:
    return Path(shutil.copytree(whole, folder / "copy"))


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


class Eventful(NodeRuntime):
    """Node, to which something happens: `EVENT` is called with the number of each launch, from 1, and its Workers.

    A new run is a new object, and begins at 1.
    """

    EVENT: ClassVar[Callable[[int, tuple[str, ...]], None] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._launches = 0

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        self._launches += 1
        if Eventful.EVENT is not None:
            Eventful.EVENT(self._launches, tuple(worker.name for worker in application.workers))
        with super().launch(application, conditions) as instance:
            yield instance


class NeverStarts(NodeRuntime):
    """Refuses each launch with the hello Worker, and no other."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        if any(worker.name == "hello" for worker in application.workers):
            raise StartError("hello does not start on purpose")
        with super().launch(application, conditions) as instance:
            yield instance


class Stumbles(NeverStarts):
    """The same with an error that no adapter should let through."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        try:
            with super().launch(application, conditions) as instance:
                yield instance
        except StartError:
            raise ZeroDivisionError("an adapter's own mistake") from None


class DiesAtOnce(NodeRuntime):
    """Is killed as soon as it serves."""

    @contextlib.contextmanager
    def launch(self, application: Application, conditions: Conditions = PLAIN) -> Iterator[Instance]:
        with super().launch(application, conditions) as instance:
            for pid in instance.instrument(Processes).pids():
                os.kill(pid, signal.SIGKILL)
            yield instance


def main() -> int:
    small()
    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
