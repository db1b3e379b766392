"""What one launch of a scenario works with: the runtime, pinned, and everything it has started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from harness.application import Application, Worker
from harness.errors import IsomarkError, NotObservable, RuntimeDied, StartError
from harness.features import Feature
from harness.runtime import PLAIN, Conditions, Instance, IsolatesOnDemand, Peers, Processes, Request, Runtime
from loadgen.engine import Endpoint
from loadgen.scenarios.extent import Extent
from loadgen.scenarios.placement import Placement, on, pin_threads
from loadgen.scenarios.under_test import UnderTest


@dataclass(kw_only=True)
class Bench:
    """`stack` ends what is started with the launch. `number`: of the launch, from 1."""

    runtime: Runtime
    tested: UnderTest
    baseline: Runtime | None
    extent: Extent
    placement: Placement
    seed: int
    number: int
    stack: ExitStack
    left_out: dict[str, str] = field(default_factory=dict)
    """Modes, and values beside the times, that only a launch could tell are not to be had, and why."""
    _running: list[tuple[Instance, Application]] = field(default_factory=list)

    def launch(
        self, workers: Sequence[Worker], conditions: Conditions = PLAIN, *, runtime: Runtime | None = None
    ) -> Instance:
        """The runtime under test, or another one, on the target's cores until the launch is over.

        Raises what `Runtime.launch` raises.
        """
        return self.stack.enter_context(self.launched(workers, conditions, runtime=runtime))

    @contextmanager
    def launched(
        self, workers: Sequence[Worker], conditions: Conditions = PLAIN, *, runtime: Runtime | None = None
    ) -> Iterator[Instance]:
        """The same for as long as the context lasts."""
        application = Application(workers=tuple(workers))
        with ExitStack() as stack:
            with on(self.placement.target):
                instance = stack.enter_context((runtime or self.runtime).launch(application, conditions))
            pin_threads(pids_of(instance), self.placement.target)
            running = (instance, application)
            self._running.append(running)
            stack.callback(self._running.remove, running)
            yield instance

    def alive(self) -> bool:
        """Whether all that was launched is there."""
        return all(instance.alive() for instance, _ in self._running)

    def require_alive(self) -> None:
        """Raises `RuntimeDied` when something that was launched is gone: what follows would time its absence."""
        for instance, application in self._running:
            if not instance.alive():
                raise _death(instance, application.workers[0].name)


def endpoint_of(instance: Instance, worker: str) -> Endpoint:
    """Where that Worker listens. Raises `UsageError` for an address that is not this machine's."""
    return Endpoint.parse(instance.url(worker))


def on_demand(instance: Instance, worker: str) -> tuple[Endpoint, str]:
    """Where isolates are made on demand, and the header that names one. Raises `StartError` for a false claim."""
    try:
        url, header = instance.instrument(IsolatesOnDemand).address(worker)
    except NotObservable as error:
        raise StartError(
            f"the runtime claims {Feature.ISOLATES_ON_DEMAND.value!r} and offers no such instrument",
            expected="an `IsolatesOnDemand` instrument, or no such claim",
        ) from error
    return Endpoint.parse(url), header


def peer_url(instance: Instance, worker: str) -> str:
    """Where the application's other Workers find that one by HTTP."""
    try:
        return instance.instrument(Peers).url(worker)
    except NotObservable:
        return instance.url(worker)


def pids_of(instance: Instance) -> tuple[int, ...]:
    """The processes that carry the application; none where the runtime does not tell."""
    try:
        return instance.instrument(Processes).pids()
    except NotObservable:
        return ()


def _death(instance: Instance, worker: str) -> IsomarkError:
    """How it ended, in its adapter's own words."""
    try:
        instance.fetch(worker, Request(), deadline_s=1.0)
    except RuntimeDied as died:
        return died
    except IsomarkError:
        pass
    return RuntimeDied("the runtime ended while it was measured", log_tail=instance.log_tail())
