"""`isomark nightly` in this process, with stand-ins for what takes hours."""

import argparse

import msgspec
import pytest

from harness.about_results import ABOUT_FILE, read_about
from harness.comparison_results import read_comparison
from reports import bundle, site
from reports.compare import running as comparing
from reports.nightly import folder as folders
from reports.nightly import running
from reports.nightly.command import NightlyCommand
from tests import sample_bundle
from tests.compare_children import Cues, at_once, stand_ins
from tests.nightly.expected import TODAY
from tests.nightly.test_gate import gate_of


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    sample_bundle.write(folder, baseline=False, faults=True, launches=2)
    return folder


@pytest.fixture
def cues(tmp_path, sample):
    return Cues(tmp_path / "cues", sample)


@pytest.fixture
def published(tmp_path):
    return tmp_path / "published"


@pytest.fixture
def nightly(cues, published, monkeypatch, sample, tmp_path):
    """The command in this process, with all that is computed left to what stands in for it; the exit code."""

    def build(folder):
        whole = read_about(folder / ABOUT_FILE).complete
        report = msgspec.structs.replace(read_comparison(sample / "comparison.json"), complete=whole)
        for name in ("comparison.json", "summary.md", "manifest.sha256"):
            (folder / name).write_text(f"made of {sorted(path.name for path in folder.iterdir())}")
        return report

    def build_site(source, out):
        out.mkdir(exist_ok=True)
        (out / "index.html").write_text(", ".join(sorted(path.name for path in source.iterdir())))
        return (site.LeftOut(name="2026-11-01", why="it was changed"),)

    for place, name, value in [
        *stand_ins(cues),
        (comparing, "run_logged", at_once),
        (running, "run_logged", at_once),
        (bundle, "build", build),
        (site, "build", build_site),
        (running, "against_the_nights_before", lambda *_, **__: gate_of("passed", "too few nights")),
        (folders, "today_utc", lambda: TODAY),
    ]:
        monkeypatch.setattr(place, name, value)
    parser = argparse.ArgumentParser()
    NightlyCommand().configure(parser)
    words = [f"--published={published}", f"--site={tmp_path / 'site'}", "--profile=quick"]
    return lambda *more: NightlyCommand().run(parser.parse_args([*words, *more]))
