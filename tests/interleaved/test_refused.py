"""A run that would go on with a damaged journal, or with something else than it began with, is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import environment
from harness.errors import ReportFileError, UsageError
from harness.interleaved_results import JOURNAL_FILE as JOURNAL
from loadgen.interleaved import extents
from tests.interleaved_runs import (
    HERE,
    SMALL,
    TWO,
    Eventful,
    contents,
    copy_of,
    lines,
    ran,
)

pytestmark = pytest.mark.usefixtures("small_runs")


def other_schema(data: list[dict[str, Any]]) -> None:
    data[0]["schema"] = "isomark/journal/99"


def twice(data: list[dict[str, Any]]) -> None:
    data.insert(2, data[1])


def unknown_pair(data: list[dict[str, Any]]) -> None:
    data[1]["subject"] = "nobody"


def unknown_mode(data: list[dict[str, Any]]) -> None:
    data[1]["cells"]["no-such-mode"] = {}


def broken_histogram(data: list[dict[str, Any]]) -> None:
    for cell in data[1]["cells"].values():
        cell["turns"][0]["tally"]["service"]["counts"] = "HISTF"


DAMAGES: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str]] = {
    "schema": (other_schema, "has schema 'isomark/journal/99'"),
    "twice": (twice, "twice"),
    "pair": (unknown_pair, "nobody"),
    "mode": (unknown_mode, "no-such-mode"),
    "histogram": (broken_histogram, "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_refused_and_left_alone(
    tmp_path: Path, whole: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = copy_of(whole, tmp_path)
    data, (change, said) = lines(out), DAMAGES[damage]
    change(data)
    (out / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in data))
    before = contents(out)
    assert ran(out, "--resume") == ReportFileError.exit_code
    assert said in capsys.readouterr().err
    assert contents(out) == before


def test_a_whole_line_that_is_no_line_is_named(tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = copy_of(whole, tmp_path)
    data = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    (out / JOURNAL).write_bytes(b"".join([*data[:3], b'{"kind":"launch"\n', *data[3:]]))
    assert ran(out, "--resume") == ReportFileError.exit_code
    assert f"line 4 of {out / JOURNAL} is damaged" in capsys.readouterr().err


class Updated(Eventful):
    """The same, of another version."""

    def version(self) -> str:
        return "99.0"


def other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eventful, "version", lambda _self: "99.0", raising=False)


def other_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eventful, "identity", lambda _self: {"binary_sha256": "0" * 64}, raising=False)


def other_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "commit", lambda: ("f" * 40, False))


def edited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "commit", lambda: ("c" * 40, True))


def other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    there = environment.capture() | {"cpu": "abacus"}
    monkeypatch.setattr(environment, "capture", lambda: there)


def other_extent(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = replace(SMALL["warm"], seconds=0.05)
    monkeypatch.setattr(extents, "EXTENTS", {**extents.EXTENTS, "warm": {"quick": longer, "full": longer}})


CHANGES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None] | None, tuple[str, ...], dict[str, Any], str]] = {
    "seed": (None, (), {"seed": 8}, "seed = 7, and not 8"),
    "profile": (None, ("--profile=full",), {}, "profile = quick, and not full"),
    "launches": (None, ("--launches=2",), {}, "launches = 3, and not 2"),
    "scenario": (None, (), {"scenarios": ["warm"]}, "scenario concurrency = Extent("),
    "one more scenario": (None, (), {"scenarios": [*TWO, "chain"]}, "scenario chain = nothing, and not Extent("),
    "subject": (None, (), {"subjects": ["node=floor=node"]}, "one: role = runtime, and not nothing"),
    "role": (None, (), {"subjects": [f"one=repeat={HERE}:Eventful", "node=floor=node"]}, "runtime, and not repeat"),
    "runtime": (None, (), {"subjects": [f"one=runtime={__name__}:Updated", "node=floor=node"]}, "Updated"),
    "version": (other_version, (), {}, "and not 99.0"),
    "binary": (other_binary, (), {}, "one: binary_sha256 = "),
    "commit": (other_commit, (), {}, f"and not {'f' * 40}"),
    "edited": (edited, (), {}, "dirty = False, and not True"),
    "machine": (other_machine, (), {}, "and not abacus"),
    "extent": (other_extent, (), {}, "seconds=0.05"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_would_go_on_with_something_else_is_refused_with_what_differs(
    tmp_path: Path, whole: Path, change: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = copy_of(whole, tmp_path)
    before = contents(out)
    patch, more, settings, said = CHANGES[change]
    if patch is not None:
        patch(monkeypatch)
    assert ran(out, "--resume", *more, **settings) == UsageError.exit_code
    error = capsys.readouterr().err
    assert "cannot be resumed: it began with" in error
    assert said in error
    assert contents(out) == before
