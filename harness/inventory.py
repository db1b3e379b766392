"""Which tests there are for which requirement, read from the test files without running them.

So a row that was selected away is "not run" and a requirement nobody tests is "no test yet", whatever was collected.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigurationError

MARK = "requirement"


@dataclass(frozen=True, kw_only=True)
class TestFunction:
    """A function marked `@requirement("MEM-1")`. `description` is its docstring's first paragraph, on one line."""

    __test__ = False  # not a test class for pytest

    requirement: str
    file: str
    name: str
    profile: str
    description: str


def read(folder: Path) -> tuple[TestFunction, ...]:
    """Every marked test function below `folder`. Raises `ConfigurationError` for a file that does not parse."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise ConfigurationError(f"{path} does not parse: {error}") from error
        relative = path.relative_to(folder.parent).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                found += [
                    TestFunction(
                        requirement=requirement,
                        file=relative,
                        name=node.name,
                        profile=profile,
                        description=first_paragraph(ast.get_docstring(node)),
                    )
                    for requirement, profile in _marks(node)
                ]
    return tuple(found)


def first_paragraph(docstring: str | None) -> str:
    return " ".join((docstring or "").partition("\n\n")[0].split())


def _marks(node: ast.FunctionDef) -> list[tuple[str, str]]:
    marks = []
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or not decorator.args:
            continue
        called = decorator.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        argument = decorator.args[0]
        if name == MARK and isinstance(argument, ast.Constant):
            profiles = [
                keyword.value.value
                for keyword in decorator.keywords
                if keyword.arg == "profile" and isinstance(keyword.value, ast.Constant)
            ]
            marks.append((str(argument.value), str(profiles[0]) if profiles else "quick"))
    return marks
