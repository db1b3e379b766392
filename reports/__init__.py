"""The pages that runs and comparisons end in, made from the files they leave behind and nothing else."""

import os

from harness import toolchain

# matplotlib keeps a font cache, by default in the home folder; nothing is written outside the checkout.
os.environ.setdefault("MPLCONFIGDIR", str(toolchain.folder() / "matplotlib"))
