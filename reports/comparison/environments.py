"""Whether two comparisons were made under the same circumstances, so that a difference is the runtimes' own."""

from __future__ import annotations

from collections.abc import Callable

from harness.comparison_results import ComparisonReport, Role

_FACTS = ("cpu", "cores", "cores_usable", "governor", "architecture", "cgroup_limits")
"""Of `harness.environment.capture`, as they are. Load and steal are of the moment, packages of the suite."""


def _kernel(report: ComparisonReport) -> str:
    return str(report.environment.get("kernel", "")).partition(".")[0]


def _memory_gb(report: ComparisonReport) -> int:
    """Whole gigabytes: what the kernel keeps for itself differs by little from boot to boot."""
    found = report.environment.get("memory_bytes", 0)
    return round(found / 1e9) if isinstance(found, int | float) else 0


def _python(report: ComparisonReport) -> str:
    """The load generator's interpreter, which is on the way of every request."""
    return ".".join(str(report.environment.get("python", "")).split(".")[:2])


def _beside(report: ComparisonReport) -> tuple[tuple[str, str, str], ...]:
    """Versions of the floor and the baseline: the Node that stands beside every figure."""
    found = (each for each in report.subjects if each.role in {Role.FLOOR, Role.BASELINE})
    return tuple(sorted((each.role.value, each.runtime.name, each.runtime.version) for each in found))


def _pinning(report: ComparisonReport) -> tuple[object, ...]:
    pinning = report.pinning
    return () if pinning is None else (pinning.apart, pinning.generator_cpus, pinning.target_cpus)


_DERIVED: dict[str, Callable[[ComparisonReport], object]] = {
    "kernel, major version": _kernel,
    "memory": _memory_gb,
    "Python": _python,
    "profile": lambda report: report.run.profile,
    "pinning": _pinning,
    "floor and baseline": _beside,
}


def environment_differences(one: ComparisonReport, other: ComparisonReport) -> tuple[str, ...]:
    """What differs between the circumstances of two comparisons, by name; empty when they are the same.

    Versions of the runtimes under test do not count: whether a new one is slower is what is asked.
    """
    named = [name for name in _FACTS if one.environment.get(name) != other.environment.get(name)]
    return (*named, *(name for name, read in _DERIVED.items() if read(one) != read(other)))


def same_environment(one: ComparisonReport, other: ComparisonReport) -> bool:
    """Whether figures of the two may be held against each other from night to night."""
    return not environment_differences(one, other)
