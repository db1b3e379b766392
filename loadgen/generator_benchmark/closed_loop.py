"""Requests per generator CPU second, the tools taking turns: A B C D E and again, in an order drawn from a seed."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.errors import DeadlineExceeded, IsomarkError
from harness.process import instance_folder
from loadgen.generator_benchmark.pinning import Pinning
from loadgen.generator_benchmark.profiles import Profile
from loadgen.generator_benchmark.targets import Target
from loadgen.generator_benchmark.tool_output import Outcome
from loadgen.generator_benchmark.tools import Load, Tool
from loadgen.generator_benchmark.watching import EndedEarly, ToolBroken, Watched, watch
from loadgen.progress_line import Progress

SLACKS_S = (0.3, 3.0, 20.0)
"""A tool goes on so much longer than its window at least, so that its end is never in it.

Where a busy machine held this process up for longer than that, the tool is run again, with more.
"""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One tool in one round: what was seen from outside, and what it says itself."""

    round: int
    tool: str
    watched: Watched
    outcome: Outcome


@dataclass(kw_only=True)
class ClosedLoop:
    """Filled as it is measured, so that what there is outlives an interrupted run. `broken`: tools without a figure."""

    order: list[tuple[str, ...]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def per_cpu_s(self, tool: str) -> float | None:
        """The median over the rounds; None when it was never measured."""
        found = [turn.watched.window.per_cpu_s for turn in self.turns if turn.tool == tool]
        return statistics.median(found) if found else None

    def ratios(self, tool: str, other: str) -> list[float]:
        """Round by round, so that both sides had the same weather."""
        found = {(turn.round, turn.tool): turn.watched.window.per_cpu_s for turn in self.turns}
        rounds = sorted({turn.round for turn in self.turns})
        pairs = [(found.get((each, tool)), found.get((each, other))) for each in rounds]
        return [ours / theirs for ours, theirs in pairs if ours and theirs]

    def ratio(self, tool: str, other: str) -> float | None:
        found = self.ratios(tool, other)
        return statistics.median(found) if found else None


def order_of_rounds(names: Sequence[str], rounds: int, seed: int) -> list[tuple[str, ...]]:
    """A permutation for each round: the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    return [tuple(draw.sample(list(names), len(names))) for _ in range(rounds)]


def measure(
    into: ClosedLoop,
    tools: Sequence[Tool],
    target: Target,
    *,
    profile: Profile,
    pinning: Pinning,
    seed: int,
    progress: Progress,
) -> None:
    """All rounds. A tool that breaks is left out of the rounds that follow, and said; ours breaking ends the run."""
    by_name = {tool.name: tool for tool in tools}
    ours = tools[0].name
    for number, order in enumerate(order_of_rounds(list(by_name), profile.rounds, seed), 1):
        into.order.append(order)
        for name in order:
            if name in into.broken:
                continue
            progress(f"closed loop, round {number} of {profile.rounds}: {name}")
            try:
                into.turns.append(_turn(by_name[name], number, target, profile, pinning))
            except (ToolBroken, DeadlineExceeded) as error:
                if name == ours:
                    raise
                into.broken[name] = error.happened


def _watched(tool: Tool, target: Target, profile: Profile, pinning: Pinning, slack_s: float) -> Watched:
    seconds = int(-(-(profile.warm_up_s + profile.window_s + slack_s) // 1))
    with instance_folder() as folder:
        load = Load(target=target, connections=profile.connections, seconds=seconds, folder=folder)
        return watch(
            tool.name,
            tool.command(load),
            target,
            cpu=pinning.generator,
            folder=folder,
            warm_up_s=profile.warm_up_s,
            window_s=profile.window_s,
        )


def _turn(tool: Tool, number: int, target: Target, profile: Profile, pinning: Pinning) -> Turn:
    *first, last = SLACKS_S
    for slack_s in first:
        try:
            watched = _watched(tool, target, profile, pinning, slack_s)
        except EndedEarly:
            continue
        break
    else:
        watched = _watched(tool, target, profile, pinning, last)
    try:
        outcome = tool.read(watched.output)
    except IsomarkError as error:
        raise ToolBroken(error.happened, log_tail=error.log_tail) from error
    return Turn(round=number, tool=tool.name, watched=watched, outcome=outcome)
