"""Bundles with the page of their comparison, for the tests that look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.comparison_results import ComparisonReport
from reports import comparison_page
from tests import sample_bundle
from tests.test_reports_pages import Page


@dataclass(frozen=True, kw_only=True)
class Made:
    """A bundle and its page."""

    folder: Path
    report: ComparisonReport
    html: str

    @cached_property
    def page(self) -> Page:
        return Page(self.html)

    @property
    def plots(self) -> list[str]:
        return re.findall(r"<svg viewBox.*?</svg>", self.html, re.DOTALL)


def made(folder: Path, **how: Any) -> Made:
    """`how`: as for `sample_bundle.write`."""
    report = sample_bundle.write(folder, **how)
    return Made(folder=folder, report=report, html=comparison_page.render(folder, report))


def whole(folder: Path) -> Made:
    return made(folder, faults=True)


def few(folder: Path) -> Made:
    """One runtime, two launches, no container, and cut short."""
    return made(folder, baseline=False, complete=False, launches=6, runtimes=("reference",))
