"""Locust's statistics filled in bulk say what they would of single requests, over the wire too.

In a child process: importing Locust patches the one that does.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.toolchain import CHECKOUT

IN_BULK = """
import json, sys
from loadgen.swarm import bulk_stats, precision
precision.install()
from locust.stats import RequestStats, StatsEntry
from harness.histograms.histogram import LatencyHistogram

def figures(stats):
    entry = stats.get("x", "GET")
    names = ("num_requests", "num_failures", "total_content_length", "fail_ratio")
    errors = sorted((each.error, each.occurrences) for each in stats.errors.values())
    seconds = [dict(each.num_reqs_per_sec) for each in (entry, stats.total)]
    times = [entry.get_response_time_percentile(at) for at in (0.5, 0.9, 0.99, 0.999, 1.0)]
    times += [entry.avg_response_time, entry.min_response_time, entry.max_response_time, entry.median_response_time]
    times += [stats.total.avg_response_time, stats.total.get_response_time_percentile(0.99)]
    return [[getattr(entry, name) for name in names], errors, sum(seconds[0].values()), sum(seconds[1].values()), times]

times_ns = [31_000 + 977 * step for step in range(20_000)] + [250_000_000, 1_234_567_890]
one_by_one, in_bulk, over_the_wire = RequestStats(), RequestStats(), RequestStats()
for each in times_ns:
    one_by_one.log_request("GET", "x", each / 1e6, 10)
for error, count in (("reset", 3_000), ("wrong-body", 2_000)):
    for _ in range(count):
        one_by_one.log_request("GET", "x", None, 0)
        one_by_one.log_error("GET", "x", error)
for half in (times_ns[::2], times_ns[1::2]):
    errors = {"reset": 3_000} if half[0] == times_ns[0] else {"wrong-body": 2_000}
    batch = bulk_stats.Batch(
        right=len(half), errors=errors, response=LatencyHistogram(half), content_bytes=10 * len(half)
    )
    bulk_stats.add(in_bulk, method="GET", name="x", batch=batch, now_s=1e9)
found = [figures(one_by_one), figures(in_bulk)]
for sent in json.loads(json.dumps(in_bulk.serialize_stats())):
    # As the worker's report and the master's listener do; JSON makes text of keys, msgpack does not.
    sent["response_times"] = {float(key): count for key, count in sent["response_times"].items()}
    entry = StatsEntry.unserialize(sent, over_the_wire)
    over_the_wire.get("x", "GET").extend(entry)
    over_the_wire.total.extend(entry)
found.append(figures(over_the_wire))
text = in_bulk.get("x", "GET")
json.dump([found, over_the_wire.get("x", "GET").percentile(), over_the_wire.total.to_string(current=False)], sys.stdout)
"""


def test_statistics_in_bulk_are_those_of_single_requests() -> None:
    done = subprocess.run([sys.executable, "-c", IN_BULK], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    (one_by_one, in_bulk, over_the_wire), percentiles, totals = json.loads(done.stdout)
    assert one_by_one[0] == in_bulk[0] == over_the_wire[0] == [25_002, 5_000, 200_020, 5_000 / 25_002]
    assert one_by_one[1] == in_bulk[1] == [["reset", 3_000], ["wrong-body", 2_000]]
    assert one_by_one[2:4] == in_bulk[2:4] == [25_002, 25_002]
    assert in_bulk[4] == pytest.approx(one_by_one[4], rel=0.01)
    assert over_the_wire[4] == pytest.approx(in_bulk[4], rel=1e-9)
    assert "9.81" in percentiles, percentiles
    assert "1235" in totals, totals
