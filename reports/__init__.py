"""The pages a run ends in, made from conformance.json and cost.json and nothing else."""

import os

from harness import toolchain

# matplotlib keeps a font cache, by default in the home folder; nothing is written outside the checkout.
os.environ.setdefault("MPLCONFIGDIR", str(toolchain.folder() / "matplotlib"))
