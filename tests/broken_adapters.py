"""Adapters that each break one clause of the contract, and are otherwise sound: what the contract kit must notice."""

import contextlib
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import httpx

from harness.adapters.workerd import WorkerdRuntime
from harness.errors import DeployRefused, ScriptError, StartError, Unanswered
from harness.features import Feature
from harness.runtime import PLAIN, IsolatesOnDemand, Ledger, Processes, require_features
from tests.third_party import HOST, TinyInstance, TinyRuntime


class HasNoVersion(TinyRuntime):
    def version(self):
        return None


class ClaimsWords(TinyRuntime):
    def classes(self):
        return frozenset({"fast"})


class _Leaking(TinyRuntime):
    """`leaked` is for the test to close: a fault must not become the machine's."""

    def __init__(self):
        self.leaked = contextlib.ExitStack()


class LeaksItsProcess(_Leaking):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        context = super().launch(application, conditions)
        instance = context.__enter__()
        self.leaked.push(context)
        yield instance


class LeaksWhenTheTestFails(_Leaking):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        context = super().launch(application, conditions)
        instance = context.__enter__()
        try:
            yield instance
        except BaseException:
            self.leaked.push(context)
            raise
        context.__exit__(None, None, None)


class LeaksAFile(TinyRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance:
            (Path(tempfile.gettempdir()) / "forgotten").touch()
            yield instance


class LeaksADescriptor(_Leaking):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        self.leaked.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        with super().launch(application, conditions) as instance:
            yield instance


class SwallowsErrorsOfTheBody(TinyRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance, contextlib.suppress(Exception):
            yield instance


class AcceptsWhatItDoesNotClaim(TinyRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        plain = replace(application, workers=tuple(_without_needs(each) for each in application.workers))
        with super().launch(plain) as instance:
            yield instance


def _without_needs(worker):
    nothing = {"kv_namespaces": (), "services": (), "durable_objects": (), "limits": None, "vars": {}}
    return replace(worker, other_features=frozenset(), **nothing)


class StartsBeforeItRefuses(AcceptsWhatItDoesNotClaim):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance:
            require_features(self, application, conditions)
            yield instance


class ServesBrokenScripts(TinyRuntime):
    host = HOST.replace("process.exit(1)", "({})").replace('say({ error: "no fetch handler" }); ({});', "")
    host = host.replace("(say({ error: String(error) }), ({}))", "({})")


class CallsBrokenScriptsAStartError(TinyRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with contextlib.ExitStack() as stack:
            try:
                instance = stack.enter_context(super().launch(application, conditions))
            except ScriptError as error:
                raise StartError("it did not start") from error
            yield instance


class AnswersWellWithoutHandlers(TinyRuntime):
    host = HOST.replace('{ say({ error: "no fetch handler" }); process.exit(1); }', "{}").replace(
        "await worker.fetch(request, {}, {})", "worker?.fetch ? await worker.fetch(request, {}, {}) : new Response()"
    )


class MeetsItself(TinyRuntime):
    current = None

    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        if self.current is not None:
            yield self.current
            return
        with super().launch(application, conditions) as self.current:
            yield self.current
        self.current = None


class _Fronted(TinyRuntime):
    front = TinyInstance

    def instance(self, started):
        return self.front(started)


class UnknownWorkersAreKeyErrors(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def url(self, worker):
            return self._urls[worker]


class HasEveryInstrument(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def instrument(self, kind):
            return self._instruments.get(kind, object())


class LosesCookies(TinyRuntime):
    """An object has room for one value under a name."""

    host = HOST.replace("[...response.headers].flat()", "Object.fromEntries(response.headers)")


class KeepsCookies(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def __init__(self, started):
            super().__init__(started)
            self._client.close()
            self._client = httpx.Client(trust_env=False)


class ShoutsHeaders(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def fetch(self, *arguments, **options):
            answer = super().fetch(*arguments, **options)
            return replace(answer, headers={name.upper(): value for name, value in answer.headers.items()})


class MixesAnswersUp(_Fronted):
    class front(TinyInstance):  # noqa: N801
        mixed_up = False

        def fetch(self, *arguments, **options):
            answer = self.last = super().fetch(*arguments, **options)
            deadline = time.monotonic() + 30
            while self.last is answer and not self.mixed_up and time.monotonic() < deadline:
                time.sleep(0.005)  # until another request has its answer
            self.mixed_up = True
            return self.last


class ForgetsWhyItFailed(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def fetch(self, *arguments, **options):
            try:
                return super().fetch(*arguments, **options)
            except Unanswered as error:
                raise TimeoutError from error


class NeverNoticesADeath(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def alive(self):
            return True


class NamesTheDead(_Fronted):
    class front(TinyInstance):  # noqa: N801
        def __init__(self, started):
            super().__init__(started)
            self._named = super().instrument(Processes).pids()

        def instrument(self, kind):
            return self if kind is Processes else super().instrument(kind)

        def pids(self):
            return self._named


class RedeploysNothing(TinyRuntime):
    def features(self):
        return frozenset({Feature.REDEPLOY})

    def instance(self, started):
        instance = super().instance(started)
        instance.redeploy = lambda _worker: None
        return instance


class RedeploysWhatItDoesNotClaim(TinyRuntime):
    def instance(self, started):
        instance = super().instance(started)
        instance.redeploy = lambda _worker: None
        return instance


class TakesBrokenVersions(WorkerdRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance:
            redeploy = instance.redeploy

            def careless(worker):
                with contextlib.suppress(DeployRefused):
                    redeploy(worker)

            instance.redeploy = careless
            yield instance


class CountsTwice(WorkerdRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance:
            ledger = instance.instrument(Ledger)
            since = ledger.since
            ledger.since = lambda *arguments, **options: since(*arguments, **options) * 2
            yield instance


class HasOneIsolateForAllNames(WorkerdRuntime):
    @contextlib.contextmanager
    def launch(self, application, conditions=PLAIN):
        with super().launch(application, conditions) as instance:
            instance.instrument(IsolatesOnDemand).address = lambda worker: (instance.url(worker), "isomark-isolate")
            yield instance
