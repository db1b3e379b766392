"""The contract kit passes a third party's sound adapter and fails each way of being wrong at the clause it breaks."""

import contextlib

import pytest

from harness.errors import PromiseBroken
from harness.registry import resolve
from harness.testing import RuntimeContract

WRONG = {
    "HasNoVersion": "test_it_says_what_it_is",
    "ClaimsWords": "test_it_says_what_it_is",
    "LeaksItsProcess": "test_nothing_is_left",
    "LeaksWhenTheTestFails": "test_nothing_is_left_when_the_test_fails",
    "LeaksAFile": "test_nothing_is_left",
    "LeaksADescriptor": "test_nothing_is_left",
    "SwallowsErrorsOfTheBody": "test_nothing_is_left_when_the_test_fails",
    "AcceptsWhatItDoesNotClaim": "test_what_is_not_claimed_is_refused",
    "StartsBeforeItRefuses": "test_what_is_not_claimed_is_refused",
    "ServesBrokenScripts": "test_scripts_that_cannot_run_are_refused",
    "CallsBrokenScriptsAStartError": "test_scripts_that_cannot_run_are_refused",
    "AnswersWellWithoutHandlers": "test_a_module_without_handlers_never_answers_well",
    "MeetsItself": "test_two_launches_do_not_meet",
    "UnknownWorkersAreKeyErrors": "test_unknown_names",
    "HasEveryInstrument": "test_unknown_names",
    "KeepsCookies": "test_it_serves",
    "LosesCookies": "test_it_serves",
    "ShoutsHeaders": "test_it_serves",
    "MixesAnswersUp": "test_fetches_at_once",
    "ForgetsWhyItFailed": "test_fetch_keeps_its_deadline",
    "NeverNoticesADeath": "test_a_death_is_told",
    "NamesTheDead": "test_a_death_is_told",
    "RedeploysNothing": "test_redeploy",
    "RedeploysWhatItDoesNotClaim": "test_redeploy",
    "TakesBrokenVersions": "test_redeploy",
    "CountsTwice": "test_ledger",
    "HasOneIsolateForAllNames": "test_isolates_on_demand",
}


class TestTiny(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        return resolve("tests.third_party:TinyRuntime")


@pytest.fixture
def broken(request, monkeypatch):
    runtime = resolve(f"tests.broken_adapters:{request.param}")
    monkeypatch.setattr("harness.footprint.GONE_DEADLINE_S", 0.3)  # what is leaked here never goes
    with getattr(runtime, "leaked", contextlib.nullcontext()):
        yield runtime


@pytest.mark.parametrize(("broken", "clause"), WRONG.items(), indirect=["broken"], ids=WRONG)
def test_the_kit_notices(broken, clause, tmp_path):
    """A broken clause fails the method that is about it, with what was expected and what was seen."""
    method = getattr(RuntimeContract(), clause)
    arguments = (broken,) if clause == "test_it_says_what_it_is" else (broken, tmp_path)
    with pytest.raises(PromiseBroken) as caught:
        method(*arguments)
    assert caught.value.expected
    assert caught.value.seen


def test_every_clause_can_fail():
    """No method of the kit is without an adapter that fails it."""
    clauses = {name for name in vars(RuntimeContract) if name.startswith("test_")}
    assert clauses == set(WRONG.values())
