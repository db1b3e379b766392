"""`python -m harness.adapters.reference.control LAUNCH_FILE`: serve one application until killed."""

import sys
from pathlib import Path

import uvloop

from harness.adapters.reference.control.serving import serve

uvloop.run(serve(Path(sys.argv[1])))
