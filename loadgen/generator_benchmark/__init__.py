"""`isomark bench generator`: the load generator measured beside others, on one target, in one interleaved run.

Each tool runs in a process of its own, pinned to one core; the target is pinned to another. What is counted is what
the target says it served and what the kernel says the tool's process used, between the same two instants.
"""
