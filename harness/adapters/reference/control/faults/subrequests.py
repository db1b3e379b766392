"""Faults of counting subrequests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.adapters.reference.control.capabilities import Call, Counted
from harness.adapters.reference.control.faults.switches import UNLIMITED, Switch
from harness.adapters.reference.control.invocation import Invocation
from harness.adapters.reference.control.subrequests import SubrequestRules
from harness.application import Worker

if TYPE_CHECKING:
    from harness.adapters.reference.control.serving import System


def _subrequest_limit(**changes: int) -> Switch:
    def switch(system: System) -> None:
        for name, value in changes.items():
            setattr(system.policy.subrequests, name, value)

    return switch


def _subrequest_rules(rules: type[SubrequestRules]) -> Switch:
    def switch(system: System) -> None:
        system.platform.subrequests = rules()

    return switch


class _BindingsUncounted(SubrequestRules):
    def kind(self, counted: Counted, call: Call) -> Counted:
        return Counted.NOT if counted is Counted.INTERNAL else counted


class _RedirectsUncounted(SubrequestRules):
    def kind(self, counted: Counted, call: Call) -> Counted:
        is_hop = counted is Counted.EXTERNAL and call.arguments[0].get("hop")
        return Counted.NOT if is_hop else counted


class _CounterShared(SubrequestRules):
    """One count for all invocations of a Worker."""

    def __init__(self) -> None:
        self._used: dict[str, list[int]] = {}

    def used(self, invocation: Invocation) -> tuple[int, int]:
        external, internal = self._used.get(invocation.deployment.worker.name, [0, 0])
        return external, internal

    def count(self, invocation: Invocation, kind: Counted) -> None:
        super().count(invocation, kind)
        used = self._used.setdefault(invocation.deployment.worker.name, [0, 0])
        used[kind is Counted.INTERNAL] += 1


def _subrequests_ignored(system: System) -> None:
    plain = system.limits.subrequests

    def subrequests(worker: Worker) -> int:
        plain(worker)
        return system.policy.subrequests.paid_total

    system.limits.subrequests = subrequests  # type: ignore[method-assign]


SWITCHES: dict[str, Switch] = {
    "free-external-off-by-one": _subrequest_limit(free_external=51),
    "free-internal-unlimited": _subrequest_limit(free_internal=UNLIMITED),
    "paid-subrequests-unlimited": _subrequest_limit(paid_total=UNLIMITED),
    "subrequest-cap-missing": _subrequest_limit(highest=UNLIMITED),
    "subrequest-cap-too-low": _subrequest_limit(highest=1_000_000),
    "subrequests-ignored": _subrequests_ignored,
    "bindings-uncounted": _subrequest_rules(_BindingsUncounted),
    "counter-shared": _subrequest_rules(_CounterShared),
    "redirects-uncounted": _subrequest_rules(_RedirectsUncounted),
}
