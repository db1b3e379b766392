"""What the site leaves out and names, and what it never replaces."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from harness import cli
from harness.errors import ReportFileError
from harness.site_results import SiteReport
from reports import site
from reports.site.nights import Night, read_published
from reports.verification import MANIFEST_FILE, manifest
from tests.published_nights import NIGHTS
from tests.site.test_pages import page
from tests.site.test_trend import moment_of


def test_a_damaged_night_is_left_out_and_named(
    copied: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The site is there with the others, says which is missing and why, and the command ends with a code."""
    with (copied / NIGHTS[1] / "comparison.json").open("a") as stream:
        stream.write(" ")
    (copied / "notes").mkdir()
    (copied / "README.md").write_text("beside the nights")
    (copied / ".lock").mkdir()
    out = tmp_path / "site"
    assert cli.main(["report", "build", f"--published={copied}", f"--out={out}"]) == ReportFileError.exit_code
    said = capsys.readouterr().err
    assert f"{NIGHTS[1]} is left out: comparison.json: SHA-256 is" in said
    assert "notes is left out: 'notes' is not named after a night" in said
    report = msgspec.json.decode((out / "site.json").read_bytes(), type=SiteReport)
    assert [each.name for each in report.runs] == [NIGHTS[0], NIGHTS[2]]
    assert [each.name for each in report.left_out] == [NIGHTS[1], "notes"]
    assert "2 of the published folders are damaged" in (out / "index.html").read_text()
    listed = page(out / "runs.html").words
    assert f"{NIGHTS[1]} : comparison.json: SHA-256 is" in listed
    assert not (out / "runs" / NIGHTS[1]).exists()


@pytest.mark.parametrize("damage", ["manifest", "link", "linked night", "report", "conformance"])
def test_every_kind_of_damage_is_seen(copied: Path, tmp_path: Path, damage: str) -> None:
    night = copied / NIGHTS[1]
    if damage == "manifest":
        (night / MANIFEST_FILE).unlink()
    elif damage == "link":
        (night / "load" / "away").symlink_to("/etc")
    elif damage == "linked night":
        shutil.move(night, tmp_path / "elsewhere")
        night.symlink_to(tmp_path / "elsewhere")
    else:
        name = "comparison.json" if damage == "report" else "conformance/node/conformance.json"
        (night / name).write_text('{"schema": "isomark/comparison/99"}')
        manifest.write_manifest(night)
    found = read_published(copied)
    assert [each.name for each in found.nights] == [NIGHTS[0], NIGHTS[2]]
    (left_out,) = found.left_out
    assert left_out.name == NIGHTS[1]
    assert left_out.why


def test_nothing_to_show_leaves_the_old_site(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "published" / NIGHTS[0]).mkdir(parents=True)
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')
    assert cli.main(["report", "build", f"--published={tmp_path / 'published'}", f"--out={out}"]) == 29
    assert f"{NIGHTS[0]}: " in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["site.json"]
    for missing in ("nowhere", "site/site.json"):
        with pytest.raises(ReportFileError, match=r"not there|not a folder"):
            site.build(tmp_path / missing, out)


def test_an_old_site_is_replaced_whole(published: Path, tmp_path: Path, quick: None) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')
    (out / "stale.html").write_text("of a night that is no longer published")
    site.build(published, out)
    assert not (out / "stale.html").exists()
    assert (out / "index.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("what", ["folder", "file", "link", "other json"])
def test_what_is_no_site_is_never_replaced(published: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "file":
        out.write_text("precious")
    elif what == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        out.mkdir()
        (out / ("site.json" if what == "other json" else "precious")).write_text("[]")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(ReportFileError, match=r"holds something that is no site|is not a folder"):
        site.build(published, out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_disk_that_is_full_leaves_the_old_site(
    published: Path, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "site.json").write_text('{"schema": "isomark/site/1"}')

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ReportFileError, match="No space left on device"):
        site.build(published, out)
    assert [path.name for path in out.iterdir()] == ["site.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_nights_are_in_the_order_of_their_dates(tmp_path: Path, published: Path) -> None:
    """A second run of a date comes after the first, a tenth after the ninth."""
    names = ("2026-11-22-2", "2026-11-22-10", "2026-11-22", "2026-11-21", "2026-11-22-9")
    for name in names:
        shutil.copytree(published / NIGHTS[0], tmp_path / name)
    found = read_published(tmp_path)
    assert [night.name for night in found.nights] == [
        "2026-11-21",
        "2026-11-22",
        "2026-11-22-2",
        "2026-11-22-9",
        "2026-11-22-10",
    ]


@pytest.mark.parametrize("name", ["2026-13-01", "2026-11-22-0", "2026-11-22-x", "latest", "2026-11-2"])
def test_a_name_that_is_no_night_is_left_out(tmp_path: Path, published: Path, name: str) -> None:
    shutil.copytree(published / NIGHTS[0], tmp_path / NIGHTS[0])
    (tmp_path / name).mkdir()
    (left_out,) = read_published(tmp_path).left_out
    assert (left_out.name, "is not named after a night" in left_out.why) == (name, True)


def test_the_start_of_a_night_needs_no_clock(published: Path) -> None:
    night = read_published(published).newest
    assert night.started == moment_of(24)
    odd = msgspec.structs.replace(
        night.bundle.comparison, run=msgspec.structs.replace(night.bundle.comparison.run, started="last night")
    )
    assert Night(name=night.name, bundle=replace(night.bundle, comparison=odd)).started == datetime(
        2026, 11, 24, tzinfo=UTC
    )
