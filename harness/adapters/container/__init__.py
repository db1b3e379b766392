"""The container baseline: each Worker in a container of its own, on the same Node and handler as the `node` adapter.

See docs/adapters/container.md.
"""

from harness.adapters.container.runtime import ContainerRuntime

__all__ = ["ContainerRuntime"]
