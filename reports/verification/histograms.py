"""The percentiles of a load.json, computed again from the histograms beside it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import ReportFileError
from harness.histograms import hgrm, hlog
from harness.histograms.histogram import LatencyHistogram
from harness.load_results import LoadCell, LoadFigures, read_load
from reports.verification import hops
from reports.verification.differences import Difference, between
from reports.verification.texts import text_differs

_LARGEST = "max"
RESPONSE, SERVICE = "response", "service"

# In a closed loop a request is sent when it is due: one series stands for both.
BOTH = ""


def check(folder: Path, path: str) -> Iterator[Difference]:
    """What the load.json at that path says otherwise than its histograms.

    Raises `ReportFileError` when the file itself is missing, damaged or of another version.
    """
    beside = Path(path).parent
    load = read_load(folder / path)
    for field, was, should_be in hops.differences(load):
        yield Difference(file=path, field=field, was=was, should_be=should_be)
    for cell in load.cells:
        figures = cell.figures or cell.generator_figures
        if figures is None:
            continue
        logs = [name for name in cell.files if name.endswith(".hlog")]
        if len(logs) != 1:
            yield Difference(
                file=path, field=f"cells[{cell.mode}].files", was=f"{len(logs)} histogram logs", should_be="one"
            )
            continue
        log = (beside / logs[0]).as_posix()
        try:
            series = logged(folder / beside, logs[0], cell)
        except ReportFileError as error:
            yield Difference(file=log, was=str(error).replace("\n ", ";"), should_be="a histogram log")
            continue
        place = f"cells[{cell.mode}]"
        for field, was, should_be in _figures(cell, figures, series, place):
            yield Difference(file=path, field=field, was=was, should_be=f"{should_be} ({log})")
        yield from _distributions(folder, beside, cell, series, made_from=log)


def logged(folder: Path, log: str, cell: LoadCell) -> dict[str, list[LatencyHistogram]]:
    """The histogram of each launch, by what it is of. `folder`: of the load.json. Raises `ReportFileError`."""
    if not _stays_in(folder, folder / log):
        raise ReportFileError("outside the folder of its load.json")
    try:
        text = (folder / log).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportFileError(f"it cannot be read: {error}") from error
    tag = f"{cell.scenario}/{cell.mode}"
    found = {}
    for name, intervals in hlog.read(text).items():
        if name != tag and not name.startswith(f"{tag}/"):
            raise ReportFileError(f"it holds a series {name!r}", expected=f"those of {tag!r}")
        found[name[len(tag) + 1 :]] = [each.histogram for each in intervals]
    if set(found) not in ({BOTH}, {RESPONSE, SERVICE}):
        kinds = f"one of {tag!r}, or response and service"
        raise ReportFileError(f"it holds the series {sorted(found)}", expected=kinds)
    return found


def _figures(
    cell: LoadCell, figures: LoadFigures, series: dict[str, list[LatencyHistogram]], place: str
) -> Iterator[tuple[str, str, str]]:
    launches = series.get(BOTH) or series[RESPONSE]
    whole, sends = LatencyHistogram.merged(launches), LatencyHistogram.merged(series.get(BOTH) or series[SERVICE])
    computed: dict[str, Any] = {
        "response_ns": _percentiles(whole, figures.response_ns),
        "service_ns": _percentiles(sends, figures.service_ns),
        "per_launch_p50_ns": [each.value_at(0.5) for each in launches],
        "per_launch_p99_ns": [each.value_at(0.99) for each in launches],
        "curve_ns": [list(each) for each in whole.curve(len(figures.curve_ns))] if figures.curve_ns else [],
    }
    stated = {name: msgspec.to_builtins(getattr(figures, name)) for name in computed}
    yield from between(stated, computed, f"{place}.figures")
    yield from between(cell.count, len(whole) + cell.out_of_range, f"{place}.count")


def _percentiles(histogram: LatencyHistogram, names: dict[str, int]) -> dict[str, int | str]:
    """The values at these names, such as "p99.9" or "max"."""
    found: dict[str, int | str] = {}
    for name in names:
        fraction = _fraction(name)
        found[name] = "no percentile of that name" if fraction is None else histogram.value_at(fraction)
    return found


def _fraction(name: str) -> float | None:
    if name == _LARGEST:
        return 1.0
    try:
        fraction = float(Decimal(name.removeprefix("p")) / 100)
    except ArithmeticError:
        return None
    return fraction if name.startswith("p") and 0 <= fraction <= 1 else None


def _distributions(
    folder: Path, beside: Path, cell: LoadCell, series: dict[str, list[LatencyHistogram]], *, made_from: str
) -> Iterator[Difference]:
    """The percentile distributions (.hgrm) are the log's histograms in another form."""
    for name in cell.files:
        if name.endswith(".hgrm"):
            path = (beside / name).as_posix()
            kind = next((each for each in (RESPONSE, SERVICE) if name.endswith(f"-{each}.hgrm")), BOTH)
            launches = series.get(kind) or series.get(BOTH) or series[RESPONSE]
            text = hgrm.render(LatencyHistogram.merged(launches))
            if _stays_in(folder / beside, folder / path):
                yield from text_differs(folder, path, text, made_from=made_from)


def _stays_in(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
