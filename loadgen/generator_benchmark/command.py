"""`isomark bench generator`: measures, prints a table or JSON, and keeps what there is when it is cut short."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import secrets
import sys
import time
from collections.abc import Callable

import msgspec

from harness import environment
from harness.errors import IsomarkError, UsageError
from harness.results import write_text
from loadgen import output_folder
from loadgen.generator_benchmark import closed_loop, open_loop, table, targets
from loadgen.generator_benchmark.findings import Findings
from loadgen.generator_benchmark.pinning import Pinning, choose, pinned
from loadgen.generator_benchmark.profiles import PROFILES, Profile
from loadgen.generator_benchmark.report import GeneratorReport
from loadgen.generator_benchmark.report import Pinning as PinningInReport
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tools import Tool, find
from loadgen.progress_line import progress_line

GENERATOR_FILE = "generator.json"
MOST_ROUNDS = 1_000
INTERRUPTED = 130

TargetOnCpu = Callable[[int], contextlib.AbstractContextManager[Target]]


def run(arguments: argparse.Namespace, *, target: TargetOnCpu | None = None) -> int:
    """Exit codes: 0, 130 after Ctrl-C, else that of the error that ended it; what was measured is printed in each case.

    `--launches` is the number of rounds. `target` starts what the tools are compared on, on a core: nginx unless told
    otherwise. Raises `UsageError`, `ToolchainError`, `StartError` or `ReportFileError` before anything is measured.
    """
    profile = _profile(arguments)
    seed = secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed
    if arguments.out is not None:
        output_folder.prepare(arguments.out, GENERATOR_FILE)
    pinning = choose(os.sched_getaffinity(0))
    tools, missing = find()
    machine, busy_share, started = environment.capture(), environment.busy_share(), environment.now_utc()
    began, findings = time.monotonic(), Findings(profile=profile)
    target_words, ended_by, why = "", None, ""
    try:
        with (target or targets.nginx)(pinning.target) as served, pinned(pinning.target):
            target_words = f"target {served.name} {served.version}".rstrip()
            _measure(findings, tools, served, profile, pinning, seed)
    except KeyboardInterrupt:
        why = "interrupted"
    except IsomarkError as error:
        if not findings.closed.turns:
            raise
        ended_by, why = error, error.happened
    report = GeneratorReport(
        complete=not why,
        why_incomplete=why,
        closed_loop=findings.closed_figures(),
        open_loop=findings.open_figures(),
        floor=findings.floor_figures(),
        capacity=findings.capacity_figures(),
        memory=findings.memory_figures(),
        target=target_words or "no target",
        pinning=PinningInReport(
            generator_cpu=pinning.generator, target_cpu=pinning.target, apart=pinning.apart, words=str(pinning)
        ),
        versions={tool.name: tool.version for tool in tools},
        seed=seed,
        profile=profile.name,
        started=started,
        duration_s=round(time.monotonic() - began, 1),
        environment=machine,
        warnings=findings.warnings(pinning, missing, busy_share),
    )
    text = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
    if arguments.out is not None:
        write_text(arguments.out / GENERATOR_FILE, text + "\n")
    print(text if arguments.format == "json" else table.render(report), flush=True)
    if ended_by is not None:
        print(f"isomark bench: {ended_by}", file=sys.stderr)
        return ended_by.exit_code
    return INTERRUPTED if why else 0


def _measure(into: Findings, tools: list[Tool], target: Target, profile: Profile, pinning: Pinning, seed: int) -> None:
    with progress_line() as progress:
        closed_loop.measure(into.closed, tools, target, profile=profile, pinning=pinning, seed=seed, progress=progress)
        open_loop.floor(into.floor, tools, target, profile=profile, pinning=pinning, progress=progress)
        progress(f"open loop at {open_loop.CAPACITY_RATE_RPS:,.0f}/s")
        into.capacity = open_loop.capacity(target, profile=profile, pinning=pinning)
        with targets.scheduled(pinning.target, profile.stalls) as stalling:
            into.stalling_target = stalling.name
            progress(f"open loop on a {stalling.name}")
            into.stalls = open_loop.accuracy(stalling, profile=profile, pinning=pinning)
        progress("memory")
        into.memory = open_loop.memory(target, profile=profile, pinning=pinning)


def _profile(arguments: argparse.Namespace) -> Profile:
    profile = PROFILES[arguments.profile]
    if arguments.launches is None:
        return profile
    if not 1 <= arguments.launches <= MOST_ROUNDS:
        raise UsageError(f"--launches={arguments.launches} is out of range", expected=f"1 to {MOST_ROUNDS} rounds")
    return dataclasses.replace(profile, rounds=arguments.launches)
