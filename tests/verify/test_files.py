"""`isomark report verify` looks at every file: what is missing, too many, damaged or linked elsewhere is found."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ReportFileError
from reports import bundle
from reports.verification import MANIFEST_FILE, histograms, manifest, verify, write_manifest
from reports.verification.manifest import parsed
from tests.changed_bundle import CONFORMANCE, LOAD, LOG, changed


def test_a_changed_manifest_is_found(folder: Path) -> None:
    path = folder / MANIFEST_FILE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{'0' * 64}  about.json", *lines[1:]]) + "\n")
    (found,) = verify(folder)
    assert (found.file, found.field, found.should_be) == ("about.json", "SHA-256", "000000000000...")


@pytest.mark.parametrize("text", [b"no digest\n", b"\n".join([b"0" * 64 + b"  a"] * 2), b"\xe9", b"0" * 63 + b"  a"])
def test_a_damaged_manifest_is_found(folder: Path, text: bytes) -> None:
    (folder / MANIFEST_FILE).write_bytes(text)
    with pytest.raises(ReportFileError, match="manifest"):
        list(manifest.check(folder))


def test_a_missing_manifest_is_found(folder: Path) -> None:
    (folder / MANIFEST_FILE).unlink()
    (found,) = verify(folder)
    assert found.file == MANIFEST_FILE
    assert "is missing" in found.was


@pytest.mark.parametrize("name", ["about.json", LOG, LOAD, CONFORMANCE, "comparison.json"])
def test_a_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    found = verify(folder)
    assert (name, "missing") in {(each.file, each.was) for each in found}


def test_a_file_too_many_is_found(folder: Path) -> None:
    (folder / "load" / "notes.txt").write_text("")
    (found,) = manifest.check(folder)
    assert found.words == f"load/notes.txt is there, should be listed in {MANIFEST_FILE}, or not there"


@pytest.mark.parametrize("name", [CONFORMANCE, LOAD, LOG, "comparison.json", "load/interleaved.json"])
def test_a_truncated_file_is_found_and_said(folder: Path, name: str) -> None:
    """Also when the manifest was made over it: the file cannot be read, and nothing stops at it."""
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text[: len(text) // 2])
    write_manifest(folder)
    found = verify(folder)
    assert any((Path(name).name in each.words and "of no use" in each.was) or each.file == name for each in found)


@pytest.mark.parametrize("target", ["/etc/passwd", "../elsewhere", "about.json"])
def test_a_link_is_refused_and_not_followed(folder: Path, target: str) -> None:
    """Neither by the check nor by the writing of a manifest."""
    (folder / "summary.md").unlink()
    (folder / "summary.md").symlink_to(target)
    (found,) = verify(folder)
    assert found.words == f"summary.md is a link to {target}, should be a plain file of its own"
    with pytest.raises(ReportFileError, match="a link to"):
        write_manifest(folder)


def test_a_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "load", tmp_path / "elsewhere")
    (folder / "load").symlink_to(tmp_path / "elsewhere")
    (found,) = verify(folder)
    assert found.file == "load"


def test_a_pipe_is_refused_and_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (found,) = verify(folder)
    assert found.words == "pipe is neither a file nor a folder, should be a plain file of its own"


@pytest.mark.parametrize("name", [b"line\nbreak", b"back\\slash", b"no\xffutf8"])
def test_a_name_that_cannot_be_listed_is_refused(folder: Path, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_text("")
    (found,) = verify(folder)
    assert found.was == "a name that cannot stand in a manifest"
    with pytest.raises(ReportFileError, match="cannot stand in a manifest"):
        write_manifest(folder)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, words in (("nowhere", "is not there"), ("file", "is not a folder"), (".", "is not the folder of a comp")):
        with pytest.raises(ReportFileError, match=words):
            verify(tmp_path / name)


def test_a_path_that_leaves_the_bundle_is_not_opened(folder: Path, tmp_path: Path) -> None:
    """Neither one in the manifest nor one in a report."""
    secret = tmp_path / "secret.hlog"
    secret.write_text((folder / LOG).read_text())
    with (folder / MANIFEST_FILE).open("a") as stream:
        stream.write(f"{'0' * 64}  ../secret.hlog\n")
    changed(folder / LOAD, lambda report: report["cells"][0].update(files=["../../../../secret.hlog"]))
    assert {each.file: each.was for each in manifest.check(folder)}["../secret.hlog"] == "missing"
    found = {each.file: each for each in histograms.check(folder, LOAD)}
    assert "outside the folder" in found["load/warm/workerd/../../../../secret.hlog"].was


def moved(folder: Path, name: str) -> None:
    """The load of workerd's warm requests under another name, made twice as fast, and everything made to fit."""
    target = folder / "load" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (folder / LOAD).rename(target)

    def twice_as_fast(report: Any) -> None:
        figures = report["cells"][0]["figures"]
        figures["per_launch_p50_ns"] = [each // 2 for each in figures["per_launch_p50_ns"]]

    def named(report: Any) -> None:
        source = next(each for each in report["sources"] if each["path"] == "warm/workerd/load.json")
        source["path"] = name

    changed(target, twice_as_fast)
    changed(folder / "load" / "interleaved.json", named)


@pytest.mark.parametrize("name", ["warm/workerd/forged.json", "warm/workerd/deep/load.json", "warm/node/load.json"])
def test_figures_from_a_file_that_no_check_reads_are_refused(folder: Path, name: str) -> None:
    """A load.json in another place is held against no histogram: nothing is computed from it."""
    moved(folder, name)
    write_manifest(folder)
    (found,) = [each for each in verify(folder) if each.file == "comparison.json"]
    assert f"has warm of 'workerd' in load/{name}" in found.was
    with pytest.raises(ReportFileError, match="warm"):
        bundle.build(folder)


@pytest.mark.parametrize("slug", ["workerd/x", "..", ".", "", "a\\b"])
def test_a_subject_is_kept_in_one_folder(folder: Path, slug: str) -> None:
    """Else its promises would be read from a place that no check looks at."""

    def renamed(report: Any) -> None:
        next(each for each in report["subjects"] if each["name"] == "workerd")["slug"] = slug

    changed(folder / "load" / "interleaved.json", renamed)
    with pytest.raises(ReportFileError, match="names the folder"):
        bundle.build(folder)


def test_the_manifest_is_sha256sums_own(whole: Path) -> None:
    """Sorted, every file but itself, and `sha256sum -c` agrees."""
    listed = parsed((whole / MANIFEST_FILE).read_text())
    files = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    assert listed.keys() == files - {MANIFEST_FILE}
    assert list(listed) == sorted(listed)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", MANIFEST_FILE], cwd=whole, check=True)


def test_writing_it_again_gives_the_same_bytes(folder: Path) -> None:
    before = (folder / MANIFEST_FILE).read_bytes()
    write_manifest(folder)
    assert (folder / MANIFEST_FILE).read_bytes() == before
