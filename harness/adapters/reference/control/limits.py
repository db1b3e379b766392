"""What one invocation may use: the plan's limits, or those its Worker's `limits` set."""

from __future__ import annotations

from dataclasses import dataclass

from harness.adapters.reference.control.policy import Policy
from harness.application import Worker
from harness.errors import DeployRefused
from harness.runtime import Plan


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`cpu_ns` of one invocation; how many external and internal subrequests, and how many of both together."""

    cpu_ns: int
    external: int
    internal: int
    total: int


class LimitRules:
    """From a plan and a Worker's `limits` to what its invocations may use."""

    def __init__(self, policy: Policy, plan: Plan) -> None:
        self._policy = policy
        self._plan = plan

    def of(self, worker: Worker) -> Limits:
        """Raises `DeployRefused` for a value out of range."""
        cpu_ms, subrequests = self.cpu_ms(worker), self.subrequests(worker)
        allowed = self._policy.subrequests
        if self._plan is Plan.FREE:
            external, internal = allowed.free_external, allowed.free_internal
            return Limits(cpu_ns=cpu_ms * 1_000_000, external=external, internal=internal, total=external + internal)
        return Limits(cpu_ns=cpu_ms * 1_000_000, external=subrequests, internal=subrequests, total=subrequests)

    def cpu_ms(self, worker: Worker) -> int:
        asked = worker.limits.cpu_ms if worker.limits else None
        if asked is None:
            return self._policy.cpu.default_ms[self._plan]
        self.check(worker, "cpu_ms", asked, self._policy.cpu.highest_ms)
        return asked

    def subrequests(self, worker: Worker) -> int:
        asked = worker.limits.subrequests if worker.limits else None
        if asked is None:
            return self._policy.subrequests.paid_total
        self.check(worker, "subrequests", asked, self._policy.subrequests.highest)
        return asked

    def check(self, worker: Worker, name: str, value: int, highest: int) -> None:
        """Raises `DeployRefused`."""
        if self._plan is Plan.FREE:
            raise DeployRefused(
                f"Worker {worker.name!r} sets limits.{name}, which the free plan does not have",
                expected="no `limits` on the free plan",
            )
        if not 1 <= value <= highest:
            raise DeployRefused(f"Worker {worker.name!r} sets limits.{name} to {value:,}", expected=f"1 to {highest:,}")
