"""Stand-ins for the internet that a test can ask for; each is gone when the test ends."""

from collections.abc import Iterator

import pytest

from conformance.origin import Origin, public_address, serving
from harness.runtime import Outbound


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A host of the internet: launch with `Outbound(public=(origin.address,))` to let Workers reach it."""
    with serving(public_address()) as server:
        yield server


@pytest.fixture
def canary() -> Iterator[Origin]:
    """A server on 127.0.0.1 that plays what no Worker may reach. Its `connections` must stay 0."""
    with serving() as server:
        yield server


@pytest.fixture
def internet(origin: Origin) -> Outbound:
    """Conditions under which `origin` is the internet, by its address."""
    return Outbound(public=(origin.address,))
