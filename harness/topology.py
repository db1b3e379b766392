"""Where a runtime's locations are. Today every runtime has one; placement and jurisdiction tests will bring more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Location:
    """One place that runs Workers. `name` is an airport code (`LHR`), as Cloudflare's are, or "local"."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The locations a runtime is launched with, in no particular order; never empty."""

    locations: tuple[Location, ...]


ONE_LOCATION = Topology(locations=(Location(name="local"),))
