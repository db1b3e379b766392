"""The documents say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from harness.features import ConformanceClass, Feature
from harness.rows import Status
from harness.toolchain import CHECKOUT
from harness.verdict import Verdict

DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
README = (CHECKOUT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_guides_adapter_is_the_one_that_is_tested() -> None:
    guide = (CHECKOUT / "docs" / "adapters" / "writing.md").read_text()
    assert (CHECKOUT / "tests" / "third_party.py").read_text() in guide


def test_readme_explains_every_status_and_verdict() -> None:
    table = README.partition("## What the words mean")[2].partition("## Why believe it")[0]
    for word in [*Status, *Verdict]:
        assert word.value in table or word is Verdict.NOT_CLAIMED, word


def test_readme_names_every_option(pytestconfig: pytest.Config) -> None:
    group = pytestconfig._parser.getgroup("isomark")
    for option in group.options:
        assert any(name in README for name in option.names()), option.names()


def test_readme_names_every_exit_code() -> None:
    from harness import errors

    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    listed = README.partition("**Exit codes**")[2].partition("\n\n")[0]
    for code in codes:
        assert re.search(rf"\b{code}\b", listed), code


def test_every_built_in_adapter_has_a_page() -> None:
    entries = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["entry-points"]["isomark.runtimes"]
    for name in entries:
        assert (CHECKOUT / "docs" / "adapters" / f"{name}.md").exists()
        assert f"docs/adapters/{name}.md" in README


def test_every_class_is_in_the_readme() -> None:
    for name in ConformanceClass:
        assert name.value in README or name is ConformanceClass.COST


def test_every_feature_says_what_claiming_it_promises() -> None:
    source = (CHECKOUT / "harness" / "features.py").read_text()
    served = source.partition("# Known to wrangler, needed by no test yet")[0]
    for feature in Feature:
        if f'"{feature.value}"' in served:
            assert re.search(rf'"{feature.value}"  # \S', served), feature


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
