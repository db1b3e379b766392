"""Whom the reference runtime holds for a turn's thread, and what it charges, by invented accounts of threads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness import toolchain
from harness.adapters import reference

STRETCH = Path(reference.__file__).parent / "host" / "stretch.js"

# The turns of one isolate, in ms: (how long each took, how long the isolate had gone on when it was looked at, the time
# by then, and what was read of each thread: it ran, it waited, and what it did just then).
SCRIPT = """
const { Stretch } = require(process.argv[1]);
const clock = {
  last: { atMs: 0, threads: new Map() }, ended: new Map(), states: {}, now: 0,
  fresh() { return this.last; }, stateOf(name) { return this.states[name]; }, nowMs() { return this.now; },
};
const stretch = new Stretch(clock);
const charged = [];
for (const { begins, looks, length, goneOn, at, threads, ended } of JSON.parse(process.argv[2])) {
  if (begins) stretch.begin();
  for (const look of looks) {
    const entries = Object.entries(look.threads);
    const read = new Map(entries.map(([name, ms]) => [name, { ranNs: ms * 1e6, waitedNs: 0, arrivals: 0 }]));
    clock.last = { atMs: look.sampled, threads: read };
    clock.now = look.at;
    stretch.goesOn(look.length * 1e6);
  }
  const account = ([ranMs, waitedMs]) => ({ ranNs: ranMs * 1e6, waitedNs: waitedMs * 1e6, arrivals: 0 });
  const entries = Object.entries(threads);
  clock.now = at;
  clock.states = Object.fromEntries(entries.map(([name, [, , state]]) => [name, state]));
  clock.last = { atMs: at, threads: new Map(entries.map(([name, told]) => [name, account(told)])) };
  clock.ended = new Map(Object.entries(ended).map(([name, told]) => [name, { atMs: at, account: account(told) }]));
  const cpuNs = stretch.cpuNs(length * 1e6, goneOn * 1e6);
  stretch.add(length * 1e6, cpuNs);
  charged.push(cpuNs / 1e6);
}
console.log(JSON.stringify(charged));
"""


def turn(length, threads, *, at=None, gone_on=0, begins=True, ended=None, looks=()):
    """Without `at` it is looked at as soon as it is over. `looks`: those before, while it ran."""
    return {
        "begins": begins,
        "looks": looks,
        "length": length,
        "goneOn": gone_on,
        "at": length if at is None else at,
        "threads": threads,
        "ended": ended or {},
    }


def charged(*turns):
    command = [toolchain.node(), "-e", SCRIPT, STRETCH, json.dumps(turns)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return pytest.approx(json.loads(done.stdout))


def test_the_only_busy_thread_counts():
    threads = {"own": (6, 4, "asleep"), "idle": (0.2, 0.1, "asleep")}
    assert charged(turn(10, threads)) == [6]


def test_what_a_thread_slept_in_the_turn_is_not_charged():
    """As when it waited for the host."""
    assert charged(turn(10, {"own": (6, 1, "asleep")})) == [6]


def test_what_a_thread_waited_before_it_came_in_is_no_part_of_the_turn():
    """It was woken, waited 14 ms for a core, and ran the whole turn in one go: all of that is charged."""
    assert charged(turn(14, {"own": (14, 14, "asleep")}, at=28)) == [14]


def test_a_thread_that_mostly_waited_is_not_taken_for_the_one_that_worked():
    """Another isolate's thread was as busy, and a little longer: with waiting."""
    threads = {"own": (13, 1.5, "asleep"), "other": (0.8, 16, "asleep")}
    assert charged(turn(14, threads, at=17)) == [13]


@pytest.mark.parametrize(
    ("length", "sampled", "own"),
    [(8, 9, True), (4, 5, False), (8, 4, False)],
    ids=["long since", "just begun", "before it was read"],
)
def test_a_thread_that_had_not_run_when_the_turn_had_is_another(length, sampled, own):
    """Here it waited for a core all the while, and ran a little when the turn was over, for just as long in all."""
    look = {"length": length, "sampled": sampled, "at": 9, "threads": {"own": 5, "other": 0}}
    threads = {"own": (13, 4, "asleep"), "other": (0.1, 14, "asleep")}
    assert charged(turn(14, threads, at=18, looks=[look])) == [13 if own else 0.1]


def test_what_is_ruled_out_is_ruled_out_for_one_stretch():
    """The next turn is on the thread that came too late for this one."""
    look = {"length": 8, "sampled": 9, "at": 9, "threads": {"own": 5, "other": 0}}
    first = turn(14, {"own": (13, 4, "asleep"), "other": (0.1, 14, "asleep")}, at=18, looks=[look])
    second = turn(10, {"own": (13, 4, "asleep"), "other": (7.1, 17, "asleep")}, at=28)
    assert charged(first, second) == [13, 7]


def test_an_account_that_is_behind_is_made_up_for():
    """A thread that still has a core was last accounted for at a tick, 3 ms ago."""
    assert charged(turn(10, {"own": (6, 1, "running")})) == [9]


def test_an_account_is_never_more_than_a_tick_behind():
    """Of what is missing of a thread that only began to run of late, no more than a tick is taken for work."""
    assert charged(turn(14, {"own": (6, 3, "running")})) == [10.5]


def test_an_isolate_stays_with_its_thread():
    """Once there was no doubt, the same thread is believed, though another was busy for just so long."""
    sure = turn(10, {"own": (10, 0, "asleep"), "other": (3, 0, "waiting")})
    threads = {"own": (16, 5, "asleep"), "other": (4, 9, "asleep")}
    assert charged(sure, turn(10, threads, at=20)) == [10, 6]
    assert charged(turn(10, {"own": (6, 5, "asleep"), "other": (1, 9, "asleep")})) == [1]  # the control


def test_an_isolate_that_moves_is_followed():
    sure = turn(10, {"one": (10, 0, "asleep"), "two": (0, 0, "asleep")})
    moved = turn(10, {"one": (10, 0, "asleep"), "two": (7, 3, "asleep")}, at=20)
    again = turn(10, {"one": (11, 9, "asleep"), "two": (15, 5, "asleep")}, at=30)
    assert charged(sure, moved, again) == [10, 7, 8]


def test_turns_of_a_stretch_share_what_the_thread_ran():
    """The host looked only when the second was over too: each is charged by its part of the time, and no more in all
    than the thread ran."""
    threads = {"own": (8, 12, "asleep")}
    first = turn(5, threads, at=20, gone_on=15)
    second = turn(15, threads, at=20, begins=False)
    assert charged(first, second) == [2, 6]


def test_what_one_was_charged_too_little_the_next_is_charged():
    """When the first was over its thread had been told to run 3 ms, and it waited again; in all it ran 9."""
    first = turn(10, {"own": (3, 7, "waiting")}, at=10.5, gone_on=0.5)
    second = turn(8, {"own": (9, 9, "asleep")}, at=18, begins=False)
    shared = 3 * 10 / 10.5
    assert [shared, 9 - shared] == charged(first, second)


def test_no_turn_is_charged_less_than_it_must_have_run():
    """The first was charged its length for want of a thread; the second's thread waited for 1 ms only."""
    first = turn(10, {"own": (2, 0, "asleep")})
    second = turn(6, {"own": (9, 1, "asleep")}, at=16, begins=False)
    assert charged(first, second) == [10, 5]


def test_a_thread_that_ended_counts():
    """It ran on a thread of its own, that is gone: what was read of it last is behind, here by 2 and 17 ms."""
    assert charged(turn(10, {"idle": (0, 0, "asleep")}, ended={"own": (7, 1)})) == [9]
    assert charged(turn(20, {"idle": (0, 0, "asleep")}, ended={"own": (1, 2)})) == [18]


def test_without_a_thread_it_is_the_length():
    """As where the kernel tells nothing."""
    assert charged(turn(10, {})) == [10]
    assert charged(turn(10, {"idle": (1, 1, "asleep")})) == [10]


@pytest.mark.parametrize("waited", [0, 5, 50])
def test_no_turn_is_charged_more_than_it_took(waited):
    assert charged(turn(10, {"own": (25, waited, "asleep")}, at=25 + waited)) == [10]


CLOCK = Path(reference.__file__).parent / "host" / "thread_clock.js"

# The thread ends between the opening of its file and the reading: the kernel says ESRCH then.
ENDS = """
const fs = require("node:fs");
const { ThreadClock } = require(process.argv[1]);
const clock = new ThreadClock();
const open = () => fs.readdirSync("/proc/self/fd").length;
const [before, read] = [open(), fs.readSync];
const running = clock.stateOf(process.pid, Infinity);
fs.readSync = () => { throw Object.assign(new Error("no such process"), { code: "ESRCH" }); };
const states = [clock.stateOf(process.pid, 0), clock.stateOf(process.pid, 0)];
fs.readSync = read;
console.log(JSON.stringify([running, ...states, open() - before]));
"""


def test_a_thread_that_ends_while_it_is_looked_at_leaves_no_descriptor():
    command = [toolchain.node(), "-e", ENDS, CLOCK]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == ["running", "asleep", "asleep", 0]
