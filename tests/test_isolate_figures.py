"""`isomark bench reference`: every figure is there, and is one that was measured."""

import json
import shutil

import pytest

from harness.cli import main
from harness.errors import ToolchainError, UnsupportedFeature
from harness.registry import resolve
from loadgen import isolate_figures

KEYS = {"cold_start_p50_ms", "rss_per_isolate_mb", "hello_rps", "cpu_kill_error_ms", "cpu_attribution_error"}


@pytest.fixture
def few(monkeypatch):
    """Enough to see that each figure is measured; too little for the figure to mean something."""
    for name, value in {"COLD_STARTS": 10, "ISOLATES": 20, "KILLS": 3, "REPEATS": 1, "WRK_S": 1}.items():
        monkeypatch.setattr(isolate_figures, name, value)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (apt-get install wrk)")
def test_figures_are_printed_and_kept(few, tmp_path, capsys):
    assert main(["bench", "reference", "--format=json", f"--out={tmp_path}"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() >= KEYS
    assert all(printed[key] > 0 for key in KEYS - {"cpu_kill_error_ms", "cpu_attribution_error"})
    assert all(printed[key] >= 0 for key in KEYS)
    assert json.loads((tmp_path / "figures.json").read_text()) == printed


def test_without_wrk_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolchainError, match="wrk"):
        isolate_figures.measure(resolve("reference"))


def test_a_runtime_without_isolates_on_demand_is_refused():
    with pytest.raises(UnsupportedFeature):
        isolate_figures.measure(resolve("node"))
