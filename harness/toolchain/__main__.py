import sys

from harness.toolchain import main

sys.exit(main(sys.argv[1:]))
