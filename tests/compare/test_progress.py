"""Progress of a long command: bars on a terminal, plain lines elsewhere, and standard output left alone by both."""

import os
import pty
import subprocess
import sys

import pytest

from harness.toolchain import CHECKOUT

WORK = """
from reports.stage_progress import shown
with shown("isomark compare") as progress:
    progress.say("no [engine] here")
    progress.stage("conformance of a [b]", number=1, of=2)
    progress.at(3, 10)
    progress.stage("the load", number=2, of=2)
    progress.at(4, None)
    progress.at(5, 20)
    print("out")
print("end")
"""


def on_terminal():
    """(What a terminal on standard error was shown, standard output.)"""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    child = subprocess.Popen(
        [sys.executable, "-c", WORK], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65_536):
            shown += chunk
    except OSError:  # how a terminal ends when nobody holds its other side any more
        pass
    finally:
        os.close(ours)
    out, _ = child.communicate(timeout=300)
    return shown.decode(), out


def test_on_a_terminal():
    """The stage, how far it is, and the time left; names are shown as they are; lines that are said stay."""
    shown, out = on_terminal()
    assert "isomark compare: no [engine] here" in shown
    for words in ("2 of 2: the load", "5/20", "left:"):
        assert words in shown
    assert "\x1b[" in shown
    assert out == "out\nend\n"


def test_elsewhere():
    """A line per stage, and nothing that moves."""
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stderr.splitlines() == [
        "isomark compare: no [engine] here",
        "isomark compare: 1 of 2: conformance of a [b]",
        "isomark compare: 2 of 2: the load",
    ]
    assert done.stdout == "out\nend\n"


@pytest.mark.parametrize(
    ("journal", "found"),
    [
        ("", (0, None)),
        ('{"kind":"head","laun', (0, None)),
        ('{"kind":"head","launches":3,"subjects":[1,2],"extents":{"a":{},"b":{}}}\n', (0, 12)),
        (
            '{"kind":"head","launches":3,"subjects":[1,2],"extents":{"a":{}}}\n{"kind":"launch"}\n{"kind":"failed"}\n'
            '{"kind":"launch"}\n{"kind":"launch","torn',
            (2, 6),
        ),
    ],
)
def test_how_far_the_load_is(tmp_path, journal, found):
    """Read from what it keeps as it goes, which may end in the middle of a line."""
    from harness.interleaved_results import JOURNAL_FILE
    from reports.compare.load_stage import launches_done

    (tmp_path / JOURNAL_FILE).write_text(journal)
    assert launches_done(tmp_path) == found
    assert launches_done(tmp_path / "nothing") == (0, None)


def test_how_far_the_promises_are(tmp_path):
    """Tests with a row by now, each once whatever its parameters, of as many as the profile has."""
    from harness.comparison_plan import PlannedSubject
    from harness.comparison_results import Role
    from harness.results import RuntimeIdentity
    from reports.compare.conformance_stage import tests_done, tests_in

    runtime = RuntimeIdentity(name="r", version="1", classes=(), features=())
    subject = PlannedSubject(name="r", slug="r", role=Role.RUNTIME, specification="r", runtime=runtime)
    assert tests_done(tmp_path, subject) == 0
    place = tmp_path / "conformance" / "r"
    place.mkdir(parents=True)
    rows = ['{"test": "a.py::one[1]", "more": 1}', '{"test": "a.py::one[2]"}', '{"test": "a.py::two"}', '{"test": "b']
    (place / "rows.jsonl").write_text("\n".join(rows))
    assert tests_done(tmp_path, subject) == 2
    assert 0 < tests_in("quick") < tests_in("full")


def test_the_load_says_how_far_it_is_in_words_that_are_read_here():
    """The head and the launches of a real journal."""
    import msgspec

    from loadgen.interleaved import messages
    from reports.compare import load_stage

    head = {each.encode_name for each in msgspec.structs.fields(messages.Head)}
    assert {each.encode_name for each in msgspec.structs.fields(load_stage._Head)} <= head
    launch = messages.LaunchDone(scenario="s", subject="r", number=1, start_s=0.0, length_s=1.0, order=(), cells={})
    assert load_stage._LAUNCH in msgspec.json.encode(launch)[:64]
