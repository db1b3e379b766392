"""What a scenario is planned for."""

from __future__ import annotations

from dataclasses import dataclass

from harness.features import Feature


@dataclass(frozen=True, kw_only=True)
class UnderTest:
    """What a plan is made of: a runtime's name and claims, and what it is measured for.

    `has_baseline`: a plain process is measured beside it, in the same launch. `is_process`: it is itself the plain
    process, or the container, that others are compared with.
    """

    name: str
    features: frozenset[Feature]
    has_baseline: bool = False
    is_process: bool = False
