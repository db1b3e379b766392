"""The site: every published night as static pages, made from their data alone."""

from __future__ import annotations

from pathlib import Path

from harness.fault_matrix.report import write_faults
from harness.results import write_report, write_text
from harness.site_results import SiteLeftOut, SiteReport, SiteRun
from reports import faults_page
from reports.site import feed, runs
from reports.site.diffs import compared
from reports.site.folder import MARK_FILE, replaced
from reports.site.nights import LeftOut, Night, Published, read_published
from reports.site.pages import neighbours, pages
from reports.site_frame import FEED_FILE

__all__ = ["LeftOut", "build"]


def build(published: Path, out: Path) -> tuple[LeftOut, ...]:
    """Make the site from every whole bundle below `published`; the same bundles give the same bytes.

    `out` is replaced whole, and only if it is empty or a site. Returns the folders that are not on it, with the reason.
    Raises `ReportFileError` when nothing can be shown or `out` cannot be written.
    """
    found = read_published(published)
    with replaced(out) as folder:
        for place, night in enumerate(reversed(found.nights)):
            runs.publish(night, folder / "runs" / night.name, anew=place < runs.MADE_AGAIN)
            if night.bundle.faults:
                write_faults(folder / "faults" / night.name, night.bundle.faults)
                faults_page.export(night.bundle.faults, folder / "faults" / night.name)
        diffs = compared(found.nights)
        for address, page in pages(found, diffs):
            write_text(folder / address, page)
        write_text(folder / FEED_FILE, feed.render(found.nights, neighbours(found.nights, diffs)))
        write_report(folder / MARK_FILE, _report(found))
    return found.left_out


def _report(published: Published) -> SiteReport:
    return SiteReport(
        runs=tuple(_run(night) for night in published.nights),
        left_out=tuple(SiteLeftOut(name=each.name, why=each.why) for each in published.left_out),
    )


def _run(night: Night) -> SiteRun:
    report = night.bundle.comparison
    return SiteRun(
        name=night.name,
        folder=f"runs/{night.name}",
        started=report.run.started,
        complete=report.complete,
        verdicts={each.name: each.verdict for each in report.subjects if each.verdict},
    )
