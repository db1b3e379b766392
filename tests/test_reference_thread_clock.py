"""How often the reference runtime reads the accounts of its threads: as often as costs little, by an invented clock."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness import toolchain
from harness.adapters import reference

THREAD_CLOCK = Path(reference.__file__).parent / "host" / "thread_clock.js"

# What each reading takes, in ms, and then the same for ever; asked for every millisecond. When it was read.
SCRIPT = """
let now = 0;
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });
const { ThreadClock } = require(process.argv[1]);
const [costs, untilMs] = JSON.parse(process.argv[2]);
const clock = new ThreadClock();
clock.works = true;
clock.findThreads = () => {};
clock.files = new Map([["one", 0]]);
clock.accountOf = () => {
  now += costs.length > 1 ? costs.shift() : costs[0];
  return { ranNs: 0, waitedNs: 0, arrivals: 0 };
};
const read = new Set();
for (; now < untilMs; now += 1) read.add(clock.sample(1).atMs);
console.log(JSON.stringify([...read]));
"""

UNTIL_MS = 1000


def read_at(*costs_ms: float) -> list[float]:
    done = subprocess.run(
        [toolchain.node(), "-e", SCRIPT, THREAD_CLOCK, json.dumps([costs_ms, UNTIL_MS])],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[float] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("cost_ms", [0.2, 2.0])
def test_reading_takes_a_small_part_of_the_time(cost_ms: float) -> None:
    read = read_at(cost_ms)
    assert len(read) * cost_ms <= UNTIL_MS / 20
    assert len(read) * cost_ms >= UNTIL_MS / 50


def test_a_reading_that_lost_its_core_does_not_delay_the_next() -> None:
    """A stale account is one of turns long over, and the next turn would be charged for them."""
    lost = read_at(*[0.2] * 20, 80.0, 0.2)
    after = [at for at in lost if at > lost[20] + 80]
    assert after[0] - (lost[20] + 80) < 20
