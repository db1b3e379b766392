"""The names of modes in words: what is a key in load.json is a phrase on the page."""

from __future__ import annotations

import re

from reports.comparison.wording import mode_words

WAYS = {"fetch": "service binding, fetch", "rpc": "service binding, RPC", "http": "HTTP over loopback"}
"""How a hop is made, by the first part of the mode's name."""

_CHAIN = re.compile(r"(\w+)-(\d+)")


def in_words(scenario: str, mode: str) -> str:
    """A phrase; an unknown mode is its own name."""
    chain = _CHAIN.fullmatch(mode) if scenario == "chain" else None
    if chain and chain[1] in WAYS:
        return f"{WAYS[chain[1]]}, {chain[2]} hop{'' if chain[2] == '1' else 's'}"
    return mode_words(scenario, mode)
