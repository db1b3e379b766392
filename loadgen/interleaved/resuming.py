"""Whether a run that was cut short can be taken up again: only where everything is as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.errors import UsageError
from harness.interleaved_results import MACHINE, MeasuredSubject
from loadgen.interleaved.messages import Head

_RUN = ("seed", "profile", "launches", "suite_version", "specification", "commit", "dirty")

_MISSING = "nothing"


def require_same(kept: Head, wanted: Head, where: str) -> None:
    """Raises `UsageError` that says what differs."""
    found = list(differences(kept, wanted))
    if found:
        raise UsageError(
            f"{where} cannot be resumed: it began with " + "; with ".join(found),
            expected="the same command line, suite, runtimes and machine",
            remedy="go on with what it began with, or begin again without --resume",
        )


def differences(kept: Head, wanted: Head) -> Iterator[str]:
    """Each as a phrase: what the run began with, and not what it would go on with."""
    before, now = _facts(kept), _facts(wanted)
    for name in dict.fromkeys((*before, *now)):
        had, has = before.get(name, _MISSING), now.get(name, _MISSING)
        if had != has:
            yield f"{name} = {had}, and not {has}"


def _facts(head: Head) -> Mapping[str, object]:
    """Everything that must be the same, by a name for it."""
    facts: dict[str, object] = {name: getattr(head, name) for name in _RUN}
    facts |= {name: head.environment.get(name) for name in MACHINE}
    facts["placement"] = head.placement
    facts |= {f"scenario {name}": extent for name, extent in head.extents.items()}
    for subject in head.subjects:
        facts |= {f"{subject.name}: {name}": value for name, value in _subject(subject).items()}
    return facts


def _subject(subject: MeasuredSubject) -> dict[str, str]:
    runtime = subject.runtime
    return {
        "role": subject.role.value,
        "runtime": subject.specification,
        "version": runtime.version,
        "features": ", ".join(runtime.features),
        **runtime.identity,
    }
