"""The curves of a cell: all launches together from load.json, each launch from the histogram log beside it."""

from __future__ import annotations

from pathlib import PurePosixPath

from harness.comparison_results import Subject
from harness.errors import ReportFileError
from harness.histograms import hlog
from harness.load_results import LoadCell
from reports.comparison_page.layout import Notes
from reports.comparison_page.material import Material, is_inside, without_folder
from reports.comparison_page.modes import in_words
from reports.plot_frame import Style
from reports.plots import Curve, Series

LAUNCH_CURVE_POINTS = 60


def series_of(
    material: Material, scenario: str, subject: Subject, mode: str, *, style: Style, label: str, notes: Notes
) -> Series | None:
    """A line of a plot with its launches; None where it cannot be drawn, and then `notes` says why."""
    cell = material.cell(scenario, subject.name, mode)
    if cell is None:
        return None
    why_not = no_figures(cell)
    if not why_not and cell.figures is not None:
        try:
            launches = _launches(material, scenario, subject.name, cell)
            return Series(label=label, count=cell.count, curve=cell.figures.curve_ns, launches=launches, style=style)
        except ReportFileError as error:
            why_not = f"its launches cannot be drawn: {error.happened}"
    notes.add(f"No line for {subject.name}, {in_words(scenario, mode)}: {why_not}.")
    return None


def no_figures(cell: LoadCell) -> str:
    """Why the target has no figures in a cell; empty where it has."""
    if cell.saturated:
        return f"the generator was saturated: {cell.saturation}" if cell.saturation else "the generator was saturated"
    if cell.figures is None or not cell.figures.curve_ns:
        return cell.not_timed or "nothing was timed"
    return ""


def _launches(material: Material, scenario: str, subject: str, cell: LoadCell) -> tuple[Curve, ...]:
    """A curve per launch. Raises `ReportFileError`, with the path below the bundle, when the log cannot be read."""
    folder = PurePosixPath(material.places[scenario, subject]).parent
    logs = [str(folder / name) for name in cell.files if name.endswith(".hlog")]
    if not logs:
        raise ReportFileError(f"{folder}/load.json names no histogram log")
    path = logs[0]
    if not is_inside(path):
        raise ReportFileError(f"{PurePosixPath(path).name} lies outside the bundle")
    try:
        text = (material.folder / path).read_text(encoding="utf-8")
    except OSError as error:
        raise ReportFileError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportFileError(f"{path} is no text") from error
    try:
        found = hlog.read(text)
    except ReportFileError as error:
        raise ReportFileError(f"{path} is damaged: {without_folder(error.happened, material.folder)}") from error
    # Of an open loop both the response and the service time are in the log; the response is what a client waits for.
    tag = next((each for each in found if each.endswith("/response")), next(iter(found), None))
    intervals = found.get(tag, []) if tag is not None else []
    curves = tuple(each.histogram.curve(LAUNCH_CURVE_POINTS) for each in intervals if each.histogram)
    if not curves:
        raise ReportFileError(f"{path} holds no samples")
    return curves
