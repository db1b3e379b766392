"""Imports point one way, and nothing that monkey-patches gets near the harness or the promises."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.toolchain import CHECKOUT

OURS = {"harness", "conformance", "loadgen", "reports", "tests"}
MAY_IMPORT = {
    "harness": {"harness"},
    "conformance": {"conformance", "harness"},
    "loadgen": {"loadgen", "harness"},
    "reports": {"reports", "harness"},
}
PATCHING = {"locust", "gevent"}


def imported(file: Path) -> set[str]:
    """First parts of the names a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    files = list((CHECKOUT / package).rglob("*.py"))
    assert files
    for file in files:
        assert imported(file) & OURS <= MAY_IMPORT[package], file


@pytest.mark.parametrize("package", ["harness", "conformance", "reports"])
def test_nothing_that_monkey_patches_is_imported(package: str) -> None:
    for file in (CHECKOUT / package).rglob("*.py"):
        assert not imported(file) & PATCHING, file
