"""Cold starts as pyperf has them, one run per launch, so that its `stats` and `hist` read the raw samples."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pyperf

NS_PER_S = 1_000_000_000


def render(name: str, launches: Sequence[Sequence[int]], metadata: Mapping[str, str]) -> str:
    """JSON for `python -m pyperf`. `launches`: the samples of each, in nanoseconds; launches without any are left out.

    Nothing is collected from the machine: pyperf's own metadata would name the host. Raises `ValueError` when no launch
    has a sample.
    """
    own = {"name": name, "unit": "second", **metadata}
    runs = [
        pyperf.Run([sample / NS_PER_S for sample in samples], metadata=own, collect_metadata=False)
        for samples in launches
        if samples
    ]
    text = io.StringIO()
    pyperf.BenchmarkSuite([pyperf.Benchmark(runs)]).dump(text, compact=False)
    return text.getvalue()
