"""Counting subrequests, per invocation."""

from __future__ import annotations

from harness.adapters.reference.control.capabilities import Call, Counted, Refusal
from harness.adapters.reference.control.invocation import Invocation


class SubrequestRules:
    """Every call of a capability is admitted here first, each hop of a redirect too."""

    def admit(self, invocation: Invocation, counted: Counted, call: Call) -> None:
        """Raises `Refusal` when the invocation has used up its subrequests; otherwise counts this one."""
        kind = self.kind(counted, call)
        if kind is Counted.NOT:
            return
        limits = invocation.limits
        external, internal = self.used(invocation)
        if (
            external + internal >= limits.total
            or (kind is Counted.EXTERNAL and external >= limits.external)
            or (kind is Counted.INTERNAL and internal >= limits.internal)
        ):
            raise Refusal("Too many subrequests by single Worker invocation.")
        self.count(invocation, kind)

    def kind(self, counted: Counted, call: Call) -> Counted:
        return counted

    def used(self, invocation: Invocation) -> tuple[int, int]:
        """How many external and internal ones so far."""
        return invocation.external, invocation.internal

    def count(self, invocation: Invocation, kind: Counted) -> None:
        if kind is Counted.EXTERNAL:
            invocation.external += 1
        else:
            invocation.internal += 1
