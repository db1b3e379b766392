"""`python -m loadgen`: `isomark bench first` without the rest of isomark's command line."""

from __future__ import annotations

import argparse
import sys

from harness.errors import IsomarkError
from loadgen.command import BenchCommand, add_options, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadgen", description=BenchCommand.summary)
    add_options(parser)
    try:
        return run(parser.parse_args())
    except IsomarkError as error:
        print(f"isomark bench: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
