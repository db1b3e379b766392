"""Errors end a run with the code their class promises, and survive the way from a worker process."""

import inspect
import pickle
import re

import pytest

from harness import errors
from harness.errors import IsomarkError, did_you_mean

CLASSES = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, IsomarkError)]


def drawn():
    """Name to exit code, as the tree in the module's docstring has it; a class without a code has its parent's."""
    codes, parents = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"    (?P<indent>[| ]*)(?:\+-- )?(?P<name>[A-Z]\w+)\s+(?P<code>\d+)?", line)
        if match:
            depth = line.index(match["name"]) // 4
            parents = [(each, code) for each, code in parents if each < depth]
            code = int(match["code"]) if match["code"] else parents[-1][1]
            parents.append((depth, code))
            codes[match["name"]] = code
    return codes


def test_the_tree_is_true():
    """The module's docstring lists every class with its exit code."""
    assert drawn() == {each.__name__: each.exit_code for each in CLASSES}


def test_codes_differ_where_the_remedy_does():
    """Only a subclass shares its parent's code; no code is one that pytest or the suite's verdict uses."""
    for one in CLASSES:
        for other in CLASSES:
            if one.exit_code == other.exit_code:
                assert issubclass(one, other) or issubclass(other, one) or one.__base__ is other.__base__
    assert all(each.exit_code == 2 or each.exit_code >= 20 for each in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_pickling_keeps_everything(kind):
    """An error that crosses a process boundary says the same on the other side."""
    error = kind("it broke", expected="it whole", remedy="mend it", log_tail="last\nwords")
    if isinstance(error, errors.Unanswered):
        error.partial = b"half"
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("error", [errors.PromiseBroken("this", "that"), errors.ControlFailed("this", "that")])
def test_pickling_keeps_both_sides(error):
    """What was expected and what was seen stay apart."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))


def test_a_message_says_what_to_do():
    """What happened, what was expected, what to do, and the log, in that order."""
    error = IsomarkError("it broke", expected="it whole", remedy="mend it", log_tail="one\ntwo")
    assert str(error).splitlines() == [
        "it broke",
        "  expected: it whole",
        "  what to do: mend it",
        "  last lines of its log:",
        "    one",
        "    two",
    ]
    assert str(IsomarkError("it broke")) == "it broke"


@pytest.mark.parametrize(
    ("word", "known", "phrase"),
    [
        ("workrd", ["workerd", "node"], "did you mean 'workerd'?"),
        ("test", ["tests", "text", "far"], "did you mean 'tests' or 'text'?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [], ""),
    ],
)
def test_did_you_mean(word, known, phrase):
    """The near ones, or all of them, or nothing."""
    assert did_you_mean(word, known) == phrase
