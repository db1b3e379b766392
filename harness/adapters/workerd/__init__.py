"""workerd, the open-source engine of Cloudflare Workers, as one process per application.

What its answers are worth, and what this adapter adds to the engine, is written in docs/adapters/workerd.md.
"""

from harness.adapters.workerd.runtime import WorkerdRuntime

__all__ = ["WorkerdRuntime"]
