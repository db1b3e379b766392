"""`isomark bench`, and the same as `python -m loadgen`: measure, write cost.json and the raw files, print a table."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import msgspec
from tabulate import tabulate

from harness import SPECIFICATION, __version__, environment
from harness.errors import UsageError
from harness.recorder import runtime_identity
from harness.registry import RuntimeSpecification, resolve
from harness.results import CostReport, RunIdentity, write_report, write_text
from loadgen import bench, caveats, cells, cost, isolate_figures, output_folder, table
from loadgen.profiles import CALLS_TO_WARM_UP, LAUNCHES_FOR_A_VERDICT, PROFILES, Profile

RUNTIME, BASELINE = "workerd", "node"
"""What is measured, and what beside it, where nothing else is said."""

MOST_LAUNCHES = 1000

COST_FILE = "cost.json"
FIGURES_FILE = "figures.json"

NOT_ALL_TIMED = 1


class BenchCommand:
    """Exit codes: 0 all was measured, 1 some cell gave no right answer at all, 130 Ctrl-C, else the error's own."""

    name: ClassVar[str] = "bench"
    summary: ClassVar[str] = "measure cold starts, warm latency and the cost of a call beside a plain process"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "scenario",
            nargs="?",
            default="first",
            metavar="SCENARIO",
            help="what to measure: `first`, a runtime beside a baseline; `reference`, the figures of the reference "
            "runtime's own isolates; `generator`, the load generator beside others; `interleaved`, several runtimes in "
            f"turn; or a runtime under one kind of load: {', '.join(scenario_names())} (default: %(default)s)",
        )
        add_options(parser)
        parser.add_argument("--rates", metavar="LIST", help="requests per second of a scenario's open loops: 100,500")
        for_turns = parser.add_argument_group("of `interleaved`")
        for_turns.add_argument(
            "--subject",
            action="append",
            dest="subjects",
            metavar="NAME=ROLE=SPEC",
            help="who takes part (repeat it): role runtime, repeat, baseline or floor; SPEC as --runtime takes it",
        )
        for_turns.add_argument(
            "--scenario",
            action="append",
            dest="scenarios",
            metavar="NAME",
            help="only this one (repeat it for several); default: all that runtimes are compared in",
        )
        for_turns.add_argument(
            "--resume", action="store_true", help="go on with the run in --out that was cut short, if there is one"
        )

    def run(self, arguments: argparse.Namespace) -> int:
        """Raises `UsageError`, `UnknownRuntimeError`, `ToolchainError` or `ReportFileError`, before measuring."""
        known = {"first": run, "reference": figures, "generator": generator, "interleaved": interleaved}
        _refuse_without_meaning(arguments, known)
        arguments.runtime = arguments.runtime or RUNTIME
        arguments.baseline = arguments.baseline or BASELINE
        return known.get(arguments.scenario, load)(arguments)


def _refuse_without_meaning(arguments: argparse.Namespace, known: Collection[str]) -> None:
    """Raises `UsageError` for an option that would be passed over."""
    name = arguments.scenario
    in_turn = name == "interleaved"
    given = {
        "--rates": (arguments.rates is not None and name in known, "a scenario with open loops"),
        "--runtime": (arguments.runtime is not None and in_turn, "--subject=NAME=ROLE=SPEC"),
        "--baseline": (arguments.baseline is not None and in_turn, "--subject=NAME=baseline=SPEC"),
        "--subject": (arguments.subjects is not None and not in_turn, "--runtime=SPEC, or `interleaved`"),
        "--scenario": (arguments.scenarios is not None and not in_turn, f"the name alone: isomark bench {name}"),
        "--resume": (arguments.resume and not in_turn, "`interleaved`"),
    }
    for option, (meaningless, expected) in given.items():
        if meaningless:
            raise UsageError(f"{option} has no meaning for {name!r}", expected=expected)


def scenario_names() -> tuple[str, ...]:
    """The load scenarios; see `loadgen.scenarios.registry`."""
    from loadgen.scenarios import registry

    return tuple(registry.SCENARIOS)


def load(arguments: argparse.Namespace) -> int:
    """A runtime under one kind of load. Raises `UsageError` for a scenario that there is none of."""
    from loadgen.scenarios import command

    return command.run(arguments)


def generator(arguments: argparse.Namespace) -> int:
    """The load generator beside others; see `loadgen.generator_benchmark`, which nothing else needs imported."""
    from loadgen.generator_benchmark import command

    return command.run(arguments)


def interleaved(arguments: argparse.Namespace) -> int:
    """Several runtimes in turn; see `loadgen.interleaved`."""
    from loadgen.interleaved import command

    return command.run(arguments)


def figures(arguments: argparse.Namespace) -> int:
    """The figures of the reference runtime, to standard output, and to figures.json where --out says so."""
    found = isolate_figures.measure(resolve("reference"), progress=lambda what: print(what, file=sys.stderr))
    text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    if arguments.out is not None:
        output_folder.prepare(arguments.out, FIGURES_FILE)
        write_text(arguments.out / FIGURES_FILE, text + "\n")
    rows = [[name, value] for name, value in msgspec.structs.asdict(found).items()]
    print(text if arguments.format == "json" else tabulate(rows, disable_numparse=True), flush=True)
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that both commands share."""
    parser.add_argument("--runtime", metavar="SPEC", help=f"what to measure (default: {RUNTIME})")
    parser.add_argument("--baseline", metavar="SPEC", help=f"what beside it (default: {BASELINE})")
    parser.add_argument("--profile", default="quick", choices=tuple(PROFILES), help="default: %(default)s")
    parser.add_argument("--launches", type=int, metavar="N", help="instead of the profile's own number")
    parser.add_argument("--seed", type=int, metavar="N", help="of the order of modes (default: a random one, recorded)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for cost.json and raw files")
    parser.add_argument("--format", default="text", choices=("text", "json"), help="of standard output")


def run(arguments: argparse.Namespace) -> int:
    """Measure as the arguments say. What was measured before a run is cut short is written all the same."""
    if arguments.out is None:
        raise UsageError("isomark bench has nowhere to write to", expected="--out=DIR")
    profile = PROFILES[arguments.profile]
    launches = profile.launches if arguments.launches is None else arguments.launches
    if not 1 <= launches <= MOST_LAUNCHES:
        raise UsageError(f"--launches={launches} is out of range", expected=f"1 to {MOST_LAUNCHES}")
    settings = bench.Settings(
        runtime=resolve(arguments.runtime or RUNTIME),
        baseline=resolve(arguments.baseline or BASELINE),
        profile=profile,
        launches=launches,
        seed=secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed,
    )
    machine, busy_share = environment.capture(), environment.busy_share()
    started = environment.now_utc()
    output_folder.prepare(arguments.out, COST_FILE)
    identities = [
        runtime_identity(runtime, RuntimeSpecification.parse(spec).settings)
        for runtime, spec in (
            (settings.runtime, arguments.runtime or RUNTIME),
            (settings.baseline, arguments.baseline or BASELINE),
        )
    ]
    measured = bench.measure(settings, progress=_progress(launches))
    runtime, baseline = identities
    texts = cells.texts(settings.runtime.name, settings.baseline.name)
    versions = {
        "suite_version": __version__,
        "runtime": f"{runtime.name} {runtime.version}",
        "baseline": f"{baseline.name} {baseline.version}",
        "locust_version": measured.locust_version or "unknown",
    }
    found = cost.figures(measured, texts, versions)
    if found.nothing_timed and not measured.why_incomplete:
        measured.why_incomplete = "nothing could be timed for " + ", ".join(found.nothing_timed)
        measured.exit_code = NOT_ALL_TIMED
    commit, dirty = environment.commit()
    report = CostReport(
        complete=not measured.why_incomplete,
        why_incomplete=measured.why_incomplete,
        run=RunIdentity(
            suite_version=__version__,
            specification=SPECIFICATION,
            commit=commit,
            dirty=dirty,
            started=started,
            duration_s=round(time.monotonic() - measured.started, 1),
            command=_command(settings.seed, given=arguments.seed),
            profile=profile.name,
            seed=settings.seed,
        ),
        runtime=runtime,
        baseline=baseline,
        environment=machine,
        launches=len(measured.launches),
        order=tuple(launch.order for launch in measured.launches),
        warnings=tuple(map(str, _caveats(measured, profile, found, busy_share))),
        cells=found.cells,
        derived=found.derived,
    )
    _write(arguments.out, report, found)
    print(msgspec.json.encode(report).decode() if arguments.format == "json" else table.render(report), flush=True)
    if measured.ended_by is not None:
        print(f"isomark bench: {measured.ended_by}", file=sys.stderr)
    return measured.exit_code


def _caveats(run: bench.Run, profile: Profile, found: cost.Figures, busy_share: float) -> tuple[caveats.Caveat, ...]:
    count = len(run.launches)
    short = (caveats.ShortWarmUp(profile=profile.name),) if profile.warm_up_calls < CALLS_TO_WARM_UP else ()
    few = (caveats.TooFewLaunches(launches=count),) if count < LAUNCHES_FOR_A_VERDICT else ()
    left_out = tuple(caveats.LeftOut(why=why) for why in run.plan.left_out)
    return (*few, *caveats.of_machine(busy_share), *short, *left_out, *found.caveats)


def _command(seed: int, *, given: int | None) -> str:
    """The command that repeats this run, the seed it drew included."""
    command = environment.command_line()
    return command if given is not None else f"{command} --seed={seed}"


def _write(folder: Path, report: CostReport, found: cost.Figures) -> None:
    """The raw files first: a cost.json never names a file that is not there."""
    for name, text in found.files.items():
        write_text(folder / name, text)
    write_report(folder / COST_FILE, report)


def _progress(launches: int) -> bench.Progress:
    if not sys.stderr.isatty():
        return lambda _launch: None

    def show(launch: int) -> None:
        print(f"\rlaunch {launch} of {launches} ", end="\n" if launch == launches else "", file=sys.stderr, flush=True)

    return show
