"""A word on the command line becomes an adapter, or an error that names what was meant."""

import pytest

from harness.errors import UnknownRuntimeError, UsageError
from harness.registry import RuntimeSpecification, known_adapters, resolve
from tests.third_party import TinyRuntime


class Choosy(TinyRuntime):
    def __init__(self, size="small", shape=None):
        self.size = size
        if shape == "impossible":
            raise ValueError("no such shape")


class TakesAnything(TinyRuntime):
    def __init__(self, **settings):
        self.settings = settings


class NotARuntime:
    name = "nothing"


not_a_class = 5
HERE = __name__


def test_built_ins_are_registered_like_any_other():
    """workerd and node are entry points of the group third parties use."""
    assert {"workerd", "node"} <= set(known_adapters())
    assert resolve("node").name == "node"


def test_a_class_by_its_place():
    """package.module:Class names any class that can be imported; its settings reach it as text."""
    assert isinstance(resolve("tests.third_party:TinyRuntime"), TinyRuntime)
    assert resolve(f"{HERE}:Choosy,size=8").size == "8"
    assert resolve(f"{HERE}:TakesAnything,a=1,b=x=y").settings == {"a": "1", "b": "x=y"}


def test_a_specification_is_a_name_and_settings():
    """A value may be empty or hold an equals sign."""
    assert RuntimeSpecification.parse("a,b=,c=d=e") == RuntimeSpecification(adapter="a", settings={"b": "", "c": "d=e"})


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        ("workrd", UnknownRuntimeError, "did you mean 'workerd'"),
        ("zzz", UnknownRuntimeError, "known: "),
        ("", UnknownRuntimeError, "--runtime is empty"),
        ("tests.nowhere:Thing", UnknownRuntimeError, "does not import: ModuleNotFoundError"),
        (f"{HERE}:Nothing", UnknownRuntimeError, "does not import: AttributeError"),
        (f"{HERE}:not_a_class", UnknownRuntimeError, "is a int"),
        (f"{HERE}:NotARuntime", UnknownRuntimeError, "is not a Runtime: it has no version, identity"),
        (f"{HERE}:Choosy,shape=impossible", UnknownRuntimeError, "cannot be built: ValueError: no such shape"),
        (f"{HERE}:Choosy,siez=1", UsageError, "no setting 'siez'\n  expected: did you mean 'size'"),
        ("tests.third_party:TinyRuntime,size=1", UsageError, "no settings at all"),
        ("workerd,binary", UsageError, "'binary' is not a setting"),
        ("workerd,=x", UsageError, "'=x' is not a setting"),
        ("workerd,binary=/no/such", UsageError, "/no/such is not a file"),
        ("node,binary=/no/such", UsageError, "/no/such is not a file"),
    ],
)
def test_what_is_wrong_is_named(text, kind, named):
    """The error's class says what kind of word is wrong, its text which one."""
    with pytest.raises(kind) as caught:
        resolve(text)
    assert named in str(caught.value)
