"""`isomark compare` in this process, with stand-ins for what takes minutes."""

import argparse

import pytest

from harness.about_results import ABOUT_FILE
from harness.comparison_results import read_comparison
from reports import bundle
from reports.compare import running
from reports.compare.command import CompareCommand
from tests import sample_bundle
from tests.compare.expected import MADE
from tests.compare_children import Cues, at_once, quick_page, stand_ins


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    sample_bundle.write(folder, baseline=False, faults=True, launches=2)
    return folder


@pytest.fixture
def cues(tmp_path, sample):
    return Cues(tmp_path / "cues", sample)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "report"


@pytest.fixture
def compare(cues, folder, monkeypatch):
    """The command in this process; the exit code."""
    for place, name, value in [*stand_ins(cues), *quick_page(cues), (running, "run_logged", at_once)]:
        monkeypatch.setattr(place, name, value)
    parser = argparse.ArgumentParser()
    CompareCommand().configure(parser)

    def run(*words):
        return CompareCommand().run(parser.parse_args([f"--report={folder}", "--seed=5", *words]))

    return run


@pytest.fixture
def briefly(compare, monkeypatch, sample):
    """The same without what is computed in the end: for tests that look at what comes before it."""

    def build(folder):
        assert (folder / ABOUT_FILE).exists()
        for name in MADE:
            (folder / name).write_text("made")
        return read_comparison(sample / "comparison.json")

    monkeypatch.setattr(bundle, "build", build)
    return compare
