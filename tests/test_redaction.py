"""What is published names no path of the machine it was made on."""

from __future__ import annotations

import pytest

from harness.redaction import without_machine_paths
from harness.toolchain import CHECKOUT

PATH = str(CHECKOUT)


@pytest.mark.parametrize("end", [2, len(PATH) // 2, len(PATH) - 1, len(PATH)])
def test_a_line_cut_in_the_middle_of_the_path(end: int) -> None:
    """Log lines are quoted to a length, wherever that is."""
    text = f"stack: {PATH}/bin/engine@0x1 {PATH[:end]}\nand a line after it"
    assert without_machine_paths([text]) == ["stack: bin/engine@0x1 ...\nand a line after it"]


@pytest.mark.parametrize("text", ["/", "a path /no-such-folder", f"x{PATH[:3]}", "GET /t HTTP/1.1"])
def test_what_is_no_path_of_the_checkout_stays(text: str) -> None:
    assert without_machine_paths(text) == text
