"""Plain Node: each Worker a process of its own behind the same fetch handler, the floor that any container stands on.

It has no isolates, bindings or limits, and claims none; see docs/adapters/node.md.
"""

from harness.adapters.node.runtime import NodeRuntime

__all__ = ["NodeRuntime"]
