"""The command `isomark`: subcommands found by name, errors told once, exit codes from the error tree.

Commands register under the entry-point group `isomark.commands`; `doctor` lives here, since it is about the harness
itself. (The promises are judged with pytest: `pytest conformance --runtime=NAME`.)
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import NoReturn, Protocol

from harness import SPECIFICATION, __version__
from harness.doctor import DoctorCommand
from harness.errors import IsomarkError, UsageError

GROUP = "isomark.commands"
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""As of a program that SIGPIPE ended."""


class Command(Protocol):
    """A subcommand. `configure` adds its options; `run` returns the exit code or raises an `IsomarkError`."""

    name: str
    summary: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """Ends on a wrong word like everything else here: with an error of the tree and its exit code."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"see `{self.prog} --help`")


def commands() -> list[Command]:
    """Every command there is, by name."""
    found: list[Command] = [DoctorCommand()]
    found += [entry.load()() for entry in entry_points(group=GROUP)]
    return sorted(found, key=lambda command: command.name)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. Machine output goes to stdout, everything meant for people to stderr."""
    parser = _Parser(
        prog="isomark",
        description="Which promises of the isolate model does a runtime keep, and what do they cost?",
        epilog="To judge a runtime: pytest conformance --runtime=NAME",
    )
    parser.add_argument("--version", action="version", version=f"isomark {__version__}, promises {SPECIFICATION}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    by_name = {}
    for command in commands():
        command.configure(subparsers.add_parser(command.name, help=command.summary, description=command.summary))
        by_name[command.name] = command
    try:
        arguments = parser.parse_args(words)
        code = by_name[arguments.command].run(arguments)
        sys.stdout.flush()
        return code
    except IsomarkError as error:
        print(f"isomark: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("isomark: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        # What is left of the output must not fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def _nobody_reads() -> bool:
    """Whether whoever read the output has gone, as `head` does when it has seen enough."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


if __name__ == "__main__":
    sys.exit(main())
