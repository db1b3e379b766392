"""The contract kit: checks that an adapter keeps the contract of `harness.runtime`, whatever its runtime promises.

For a test file of the adapter's own project:

    from harness.testing import RuntimeContract

    class TestMine(RuntimeContract):
        @pytest.fixture
        def runtime(self):
            return MyRuntime()

Each method is one clause of the contract and says in its docstring what it expects; a clause about something the
adapter does not claim is skipped. The kit brings its own Workers. It looks at /proc, so it runs on Linux.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from harness.errors import (
    DeadlineExceeded,
    DeployRefused,
    NotObservable,
    PromiseBroken,
    RuntimeDied,
    ScriptError,
    UnsupportedFeature,
    UsageError,
)
from harness.features import ConformanceClass, Feature
from harness.footprint import leaving_nothing, soon, starting_nothing
from harness.kit_workers import CONDITIONS_THAT_NEED, COOKIES, KEYS_THAT_NEED, NOT_RUNNABLE, SOURCE, project
from harness.runtime import (
    Conditions,
    Instance,
    IsolatesOnDemand,
    Ledger,
    Outcome,
    Processes,
    Request,
    Runtime,
)

ErrorT = TypeVar("ErrorT", bound=BaseException)

SHORT_DEADLINE_S = 0.5
AT_ONCE = 8


def expect(kept: bool, expected: str, saw: object) -> None:
    """Raises `PromiseBroken` with both sides."""
    if not kept:
        raise PromiseBroken(expected, str(saw))


@contextlib.contextmanager
def raising(kind: type[ErrorT], what: str) -> Iterator[list[ErrorT]]:
    """The body must raise `kind`, which is then in the list. Raises `PromiseBroken` for anything else."""
    caught: list[ErrorT] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    except Exception as error:
        raise PromiseBroken(f"{what} to raise {kind.__name__}", f"{type(error).__name__}: {error}") from error
    else:
        raise PromiseBroken(f"{what} to raise {kind.__name__}", "no error")


class RuntimeContract:
    """One method for each clause. Override the `runtime` fixture."""

    @pytest.fixture
    def runtime(self) -> Runtime:
        """The adapter to check, as the registry would build it."""
        raise UsageError("RuntimeContract was given no runtime", remedy="override its fixture `runtime`")

    def test_it_says_what_it_is(self, runtime: Runtime) -> None:
        """name and version are words, identity maps words to words, claims are members of the suite's own sets."""
        for what, word in (("name", runtime.name), ("version()", runtime.version())):
            expect(isinstance(word, str) and word.strip() == word != "", f"{what} to be a word", repr(word))
        identity = runtime.identity()
        words = [each for item in dict(identity).items() for each in item]
        expect(all(isinstance(word, str) for word in words), "identity() to map str to str", identity)
        for method, kind in ((runtime.features, Feature), (runtime.classes, ConformanceClass)):
            claims = method()
            sound = isinstance(claims, frozenset) and all(isinstance(each, kind) for each in claims)
            expect(sound, f"{method.__name__}() to be a frozenset of {kind.__name__}", claims)
        expect(runtime.classes() != frozenset(), "at least one conformance class to be claimed", "none")

    def test_it_serves(self, runtime: Runtime, tmp_path: Path) -> None:
        """A Worker is served on loopback, and what a request carries both ways arrives as it was sent."""
        application, mark = project(tmp_path)
        with runtime.launch(application) as instance:
            url = instance.url("hello")
            expect(url.startswith("http://127.0.0.1:") and not url.endswith("/"), "http://127.0.0.1:PORT", url)
            with httpx.Client(trust_env=False) as client:
                expect(client.get(url + "/").text == f"hello, {mark}", "the Worker's answer at url()", url)
                cookies = client.get(url + "/cookies").headers.get_list("set-cookie")
                expect(cookies == COOKIES, f"each of {COOKIES} in a field of its own", cookies)
            expect(instance.alive(), "alive() while serving", "False")
            expect(isinstance(instance.log_tail(), str), "log_tail() to be text", type(instance.log_tail()))
            request = Request(path="/echo?a=b%20c", method="POST", headers={"X-Isomark": "sent"}, body=b"carried")
            echo = instance.fetch("hello", request).json()
            sent = {"method": "POST", "path": "/echo?a=b%20c", "body": "carried", "header": "sent", "cookie": None}
            expect(echo == sent, f"the request to arrive as {sent}", echo)
            teapot = instance.fetch("hello", Request(path="/teapot"))
            seen = (teapot.status, teapot.headers.get("x-isomark"), teapot.text)
            expect(seen == (418, "Kept", "short and stout"), "status, lower-case header and body as sent", seen)
            redirect = instance.fetch("hello", Request(path="/redirect")).status
            expect(redirect == 302, "a redirect to be handed over, not followed", redirect)
            instance.fetch("hello", Request(path="/cookies"))
            cookie = instance.fetch("hello", Request(path="/echo")).json()["cookie"]
            expect(cookie is None, "a request to carry nothing of the one before", f"cookie {cookie}")

    def test_fetches_at_once(self, runtime: Runtime, tmp_path: Path) -> None:
        """fetch is safe from many threads: each gets the answer to its own request."""
        application, _ = project(tmp_path)
        paths = [f"/echo?{number}" for number in range(AT_ONCE * 3)]
        with runtime.launch(application) as instance, ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda path: instance.fetch("hello", Request(path=path)).json()["path"], paths))
        expect(answers == paths, f"answers to {paths}", answers)

    def test_what_is_not_claimed_is_refused(self, runtime: Runtime, tmp_path: Path) -> None:
        """An application that needs a feature the runtime does not claim is refused before anything is started."""
        for feature in sorted({*KEYS_THAT_NEED, *CONDITIONS_THAT_NEED} - runtime.features()):
            application, _ = project(tmp_path, **KEYS_THAT_NEED.get(feature, {}))
            what = f"an application that needs {feature.value}, which is not claimed,"
            conditions = CONDITIONS_THAT_NEED.get(feature, Conditions())
            with (
                starting_nothing(f"{what} to be refused"),
                raising(UnsupportedFeature, what) as caught,
                runtime.launch(application, conditions),
            ):
                pass
            expect(feature.value in str(caught[0]), f"the refusal to name {feature.value}", caught[0])

    def test_scripts_that_cannot_run_are_refused(self, runtime: Runtime, tmp_path: Path) -> None:
        """A script that does not parse, throws at start or exports no handler raises ScriptError; nothing is left."""
        _warm_up(runtime, tmp_path)
        for what, source in NOT_RUNNABLE.items():
            application, _ = project(tmp_path, source=source)
            with leaving_nothing(tmp_path / "tmp"), raising(ScriptError, what), runtime.launch(application):
                pass

    def test_a_module_without_handlers_never_answers_well(self, runtime: Runtime, tmp_path: Path) -> None:
        """A module that exports nothing is refused, or answers 5xx where a runtime finds out only when asked."""
        application, _ = project(tmp_path, source="const unused = 1;")
        with contextlib.suppress(DeployRefused), runtime.launch(application) as instance:
            status = instance.fetch("hello", Request()).status
            expect(status >= 500, "a refusal or an error of the server", status)

    def test_unknown_names(self, runtime: Runtime, tmp_path: Path) -> None:
        """Asking for a Worker that is not there raises UsageError with the near miss; an instrument, NotObservable."""
        application, _ = project(tmp_path)
        with runtime.launch(application) as instance:
            with raising(UsageError, "url() of an unknown Worker") as first:
                instance.url("helo")
            with raising(UsageError, "fetch() from an unknown Worker") as second:
                instance.fetch("helo", Request())
            for error in (*first, *second):
                expect("'hello'" in str(error), "the near miss 'hello' to be named", error)
            with raising(NotObservable, "an instrument nobody has"):
                instance.instrument(_NoSuchInstrument)

    def test_nothing_is_left(self, runtime: Runtime, tmp_path: Path) -> None:
        """Leaving the context ends every process and frees the port, removes every file and closes every descriptor."""
        _warm_up(runtime, tmp_path)
        application, mark = project(tmp_path)
        with leaving_nothing(tmp_path / "tmp"), runtime.launch(application) as instance:
            url, pids = instance.url("hello"), _pids(instance)
            instance.fetch("hello", Request())
        _expect_gone(url, mark, pids)

    def test_nothing_is_left_when_the_test_fails(self, runtime: Runtime, tmp_path: Path) -> None:
        """The same when the body raises, and the body's own error comes out."""
        _warm_up(runtime, tmp_path)
        application, mark = project(tmp_path)
        with (
            leaving_nothing(tmp_path / "tmp"),
            raising(_Raised, "the body of a launch"),
            runtime.launch(application) as instance,
        ):
            url, pids = instance.url("hello"), _pids(instance)
            raise _Raised
        _expect_gone(url, mark, pids)

    def test_two_launches_do_not_meet(self, runtime: Runtime, tmp_path: Path) -> None:
        """Two applications with Workers of one name serve side by side, and one outlives the other."""
        (one, first), (other, second) = project(tmp_path), project(tmp_path)
        with runtime.launch(one) as left:
            with runtime.launch(other) as right:
                seen = [instance.fetch("hello", Request()).text for instance in (left, right)]
                expect(seen == [f"hello, {first}", f"hello, {second}"], "each to answer for itself", seen)
                expect(left.url("hello") != right.url("hello"), "two addresses", left.url("hello"))
            after = left.fetch("hello", Request()).text
            expect(after == f"hello, {first}", "the first to serve on when the second is gone", after)

    def test_fetch_keeps_its_deadline(self, runtime: Runtime, tmp_path: Path) -> None:
        """A handler that does not answer in time raises DeadlineExceeded, and the runtime is still there."""
        application, mark = project(tmp_path)
        with runtime.launch(application) as instance:
            with raising(DeadlineExceeded, "a handler that does not answer"):
                instance.fetch("hello", Request(path="/late"), deadline_s=SHORT_DEADLINE_S)
            expect(instance.alive(), "alive() after a request that was given up", "False")
            expect(instance.fetch("hello", Request()).text == f"hello, {mark}", "the next request to be served", "not")

    def test_a_death_is_told(self, runtime: Runtime, tmp_path: Path) -> None:
        """When the runtime is killed under a request, fetch raises RuntimeDied, alive() is False, leaving is clean."""
        application, _ = project(tmp_path)
        with runtime.launch(application) as instance, ThreadPoolExecutor(1) as pool:
            pids = _pids(instance)
            if not pids:
                pytest.skip("no Processes instrument: nobody can be killed")
            waiting = pool.submit(instance.fetch, "hello", Request(path="/late"))
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            with raising(RuntimeDied, "a request to a runtime that is killed"):
                waiting.result()
            expect(not instance.alive(), "alive() to be False after its death", "True")
            # Of several processes one may still be on its way out when the death of another is told.
            expect(soon(lambda: not _pids(instance)), "no process ids after its death", _pids(instance))

    def test_redeploy(self, runtime: Runtime, tmp_path: Path) -> None:
        """Claimed: the new version serves, a broken one is refused and the old one serves. Not claimed: refused."""
        application, _ = project(tmp_path)
        worker = application.worker("hello")
        if Feature.REDEPLOY not in runtime.features():
            with runtime.launch(application) as instance, raising(UnsupportedFeature, "redeploy, not claimed,"):
                instance.redeploy(worker)
            return
        with runtime.launch(application, CONDITIONS_THAT_NEED[Feature.REDEPLOY]) as instance:
            instance.redeploy(worker.with_source(SOURCE.replace("MARK", "second")))
            expect(instance.fetch("hello", Request()).text == "hello, second", "the new version at once", "the old one")
            for what, source in NOT_RUNNABLE.items():
                with raising(ScriptError, f"a redeploy with {what}"):
                    instance.redeploy(worker.with_source(source))
                after = instance.fetch("hello", Request()).text
                expect(after == "hello, second", "the old version to go on serving", after)
        broken, _ = project(tmp_path, source=NOT_RUNNABLE["a module that throws when it starts"])
        with (
            raising(ScriptError, "launching a redeployable Worker that throws when it starts"),
            runtime.launch(broken, CONDITIONS_THAT_NEED[Feature.REDEPLOY]),
        ):
            pass

    def test_ledger(self, runtime: Runtime, tmp_path: Path) -> None:
        """The ledger has one record for each request after the mark, with how it ended."""
        application, _ = project(tmp_path)
        with runtime.launch(application, Conditions(instruments=frozenset({Ledger}))) as instance:
            try:
                ledger = instance.instrument(Ledger)
            except NotObservable:
                pytest.skip("no Ledger instrument")
            for path, outcome in (("/teapot", Outcome.OK), ("/throw", Outcome.EXCEPTION), ("/teapot", Outcome.OK)):
                mark = ledger.mark()
                instance.fetch("hello", Request(path=path))
                records = ledger.since(mark, worker="hello")
                seen = [(record.worker, record.outcome) for record in records]
                expect(seen == [("hello", outcome)], f"one record, {outcome.value}, for {path}", seen)
                times = (records[0].cpu_time_ms, records[0].wall_time_ms)
                expect(min(times) >= 0, "times of 0 ms or more", times)

    def test_isolates_on_demand(self, runtime: Runtime, tmp_path: Path) -> None:
        """A fresh name is served by a fresh isolate, a name seen before by the same one."""
        if Feature.ISOLATES_ON_DEMAND not in runtime.features():
            pytest.skip("isolates on demand are not claimed")
        application, _ = project(tmp_path)
        with (
            runtime.launch(application, CONDITIONS_THAT_NEED[Feature.ISOLATES_ON_DEMAND]) as instance,
            httpx.Client(trust_env=False) as client,
        ):
            on_demand = instance.instrument(IsolatesOnDemand)
            with raising(UsageError, "an isolate of an unknown Worker"):
                on_demand.address("helo")
            url, header = on_demand.address("hello")
            one, other, again = (client.get(url + "/isolate", headers={header: name}).text for name in "aba")
            expect(one == again != other, "one isolate for each name", (one, other, again))


class _NoSuchInstrument:
    pass


class _Raised(Exception):
    pass


def _warm_up(runtime: Runtime, folder: Path) -> None:
    """Launch once, so that what an adapter keeps for the life of the process, such as a reaper, is there already."""
    application, _ = project(folder)
    with runtime.launch(application):
        pass


def _pids(instance: Instance) -> tuple[int, ...]:
    try:
        return instance.instrument(Processes).pids()
    except NotObservable:
        return ()


def _expect_gone(url: str, mark: str, pids: tuple[int, ...]) -> None:
    there = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    expect(not there, "every process of Processes to have ended", there)
    with contextlib.suppress(httpx.TransportError), httpx.Client(trust_env=False) as client:
        # The port may be another server's by now; what must not be there is this Worker.
        expect(mark not in client.get(url + "/").text, "the port to be free", f"{url} still answers")
