"""What stands in for the children of a comparison and of a night, and for a whole process that makes one.

A child leaves what a real one would, copied from a sample bundle, and does as its cues say: files in a folder that the
test writes to and reads from. `argv-NAME-N` is there once its Nth run began; `hold-NAME` makes it wait; `exit-NAME`
holds another exit code to end with; `nothing-NAME` makes it leave nothing, `part-NAME` what an interrupted one would.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import msgspec

from harness import environment
from harness.comparison_plan import PLAN_FILE, read_plan
from harness.errors import IsomarkError, ToolchainError
from harness.interleaved_results import JOURNAL_FILE, read_interleaved
from harness.results import read_conformance, write_report, write_text
from harness.toolchain import CHECKOUT
from reports.children import ChildEnd

COMMIT = "7d78a41c0ffee7d78a41c0ffee7d78a41c0ffee0"
"""The one that the sample bundle is of."""


class Cues:
    """Between a test and the children of what it tests. `sample`: a whole bundle to take results from."""

    def __init__(self, folder, sample):
        self.folder, self.sample = folder, sample
        folder.mkdir(exist_ok=True)

    def hold(self, name):
        (self.folder / f"hold-{name}").touch()

    def go_on(self, name):
        (self.folder / f"hold-{name}").unlink()

    def end_with(self, name, code):
        (self.folder / f"exit-{name}").write_text(str(code))

    def leave_nothing(self, name):
        (self.folder / f"nothing-{name}").touch()

    def leave_part(self, name):
        (self.folder / f"part-{name}").touch()

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink()

    def began(self, name):
        """The words of each run of that name so far."""
        found = sorted(self.folder.glob(f"argv-{name}-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        return [path.read_text().splitlines() for path in found]

    def names(self):
        return sorted({path.name.removeprefix("argv-").rpartition("-")[0] for path in self.folder.glob("argv-*")})

    def identified(self, specification):
        """What the runtime is; on this machine there are those of the sample alone."""
        subjects = read_interleaved(self.sample / "load" / "interleaved.json").subjects
        for each in subjects:
            if each.specification == specification:
                return each.runtime
        raise ToolchainError(f"there is no {specification} on this machine")

    def command(self, name, folder, *words):
        """The command line of a stand-in."""
        return [sys.executable, "-m", "tests.compare_children", self.folder, self.sample, name, folder, *words]


def stand_ins(cues):
    """(Where, name, value): stand-ins for the real children, and the sample's identities for those of this machine."""
    from reports.compare import commands, subjects
    from reports.nightly import adapters
    from reports.nightly import commands as nightly_commands

    return [
        (environment, "commit", lambda: (COMMIT, False)),
        (subjects, "identified", cues.identified),
        (adapters, "identified", cues.identified),
        (adapters, "known_adapters", lambda: ("container", "node", "reference", "somewhere", "workerd")),
        (
            commands,
            "conformance",
            lambda _plan, subject, folder: cues.command(
                f"conformance.{subject.slug}", folder / "conformance" / subject.slug
            ),
        ),
        (
            commands,
            "load",
            lambda plan, folder, *, resume: cues.command(
                "load", folder / "load", f"--seed={plan.seed}", *(["--resume"] if resume else [])
            ),
        ),
        (nightly_commands, "faults", lambda folder, _profile: cues.command("faults", folder)),
        (nightly_commands, "soak", lambda: cues.command("soak", cues.folder)),
    ]


def main(cues, name, folder, words):
    """A child's life."""
    runs = len(cues.began(name))
    kind = name.partition(".")[0]
    code = 0
    try:
        BEGIN.get(kind, lambda *_: None)(cues, folder)
        # Last: who sees it may interrupt this at once, and finds what an interrupted child leaves.
        (cues.folder / f"argv-{name}-{runs + 1}").write_text("\n".join([name, *words]))
        while (cues.folder / f"hold-{name}").exists():
            time.sleep(0.01)
        whole = not (cues.folder / f"part-{name}").exists()
    except KeyboardInterrupt:
        whole, code = False, INTERRUPTED[kind]
    try:
        if not (cues.folder / f"nothing-{name}").exists():
            LEAVE[kind](cues, folder, whole)
    except IsomarkError as error:
        code = error.exit_code
    with contextlib.suppress(FileNotFoundError):
        code = code or int((cues.folder / f"exit-{name}").read_text())
    return code


def at_once(_name, command, *, meanwhile=lambda: None, **_settings):
    """A child's life within this process, which starts in no time."""
    place, sample, what, folder, *words = command[3:]
    meanwhile()
    code = main(Cues(Path(place), Path(sample)), what, Path(folder), words)
    meanwhile()
    return ChildEnd(exit_code=code, last_words=f"last words of {what}")


INTERRUPTED = {"conformance": 2, "load": 130, "faults": 130, "soak": 2}


def _rows(_cues, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text('{"test": "conformance/test_a.py::test_one[1]"}\n{"test": "conf')


def _journal(cues, folder):
    """The head, as the first of many launches begins."""
    if (cues.folder / "no-journal").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / JOURNAL_FILE).open("a") as stream:
        if not stream.tell():
            head = {"kind": "head", "launches": 10, "subjects": [1, 2, 3], "extents": {"warm": {}, "bill": {}}}
            stream.write(msgspec.json.encode(head | {"environment": environment.capture()}).decode() + "\n")
        stream.write('{"kind":"launch","number":1}\n')


def _conformance(cues, folder, whole):
    source = cues.sample / "conformance" / folder.name
    report = read_conformance(source / "conformance.json")
    if not whole:
        report = msgspec.structs.replace(report, complete=False, why_incomplete="the run was interrupted")
    if (cues.folder / f"exit-conformance.{folder.name}").exists():
        report = msgspec.structs.replace(report, as_expected=False)
    (folder / "rows.jsonl").unlink()
    write_report(folder / "conformance.json", report)
    shutil.copy(source / "conformance.html", folder)


def _load(cues, folder, whole):
    """The sample's load, as if it had been measured here."""
    for path in (cues.sample / "load").rglob("*.*"):
        write_text(folder / path.relative_to(cues.sample / "load"), path.read_text())
    report = read_interleaved(cues.sample / "load" / "interleaved.json")
    seed = read_plan(folder.parent / PLAN_FILE).seed
    why = "" if whole else "interrupted (Ctrl-C) in round 7"
    run = msgspec.structs.replace(report.run, seed=seed)
    machine = environment.capture()
    report = msgspec.structs.replace(report, run=run, complete=whole, why_incomplete=why, environment=machine)
    write_report(folder / "interleaved.json", report)
    head, *launches, end = (cues.sample / "load" / JOURNAL_FILE).read_text().splitlines()
    head = msgspec.json.encode(msgspec.json.decode(head) | {"seed": seed, "environment": machine}).decode()
    write_text(folder / JOURNAL_FILE, "".join(f"{line}\n" for line in [head, *launches, *([end] if whole else [])]))


def _faults(cues, folder, whole):
    shutil.copy(cues.sample / "faults.json", folder)


BEGIN = {"conformance": _rows, "load": _journal}
LEAVE = {"conformance": _conformance, "load": _load, "faults": _faults, "soak": lambda *_: None}

# A process that makes a comparison or a night, with stand-ins, a page that takes no time, and a cue before the page.
WHOLE = """
import sys
from pathlib import Path
from tests.compare_children import Cues, in_process
in_process(Cues(Path(sys.argv[1]), Path(sys.argv[2])), sys.argv[3:])
"""


def in_process(cues, words):
    """`isomark` with these words, as the whole life of this process."""
    from harness import cli

    for place, name, value in [*stand_ins(cues), *quick_page(cues)]:
        setattr(place, name, value)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(cli.main(words))


def quick_page(cues):
    """A page that takes no time to make, and waits when it is told to."""
    from reports import comparison_page

    def render(_folder, report):
        (cues.folder / "page-began").touch()
        while (cues.folder / "hold-page").exists():
            time.sleep(0.01)
        return f"<!doctype html><title>{report.run.seed}</title>"

    return [(comparison_page, "render", render)]


def whole_process(cues, *words):
    """The command line of such a process."""
    return [sys.executable, "-c", WHOLE, str(cues.folder), str(cues.sample), *map(str, words)]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(CHECKOUT)
    place, sample, what, target, *rest = sys.argv[1:]
    ended = main(Cues(Path(place), Path(sample)), what, Path(target), rest)
    print(f"last words of {what}")
    sys.exit(ended)
