"""``python -m harness`` in a checkout: the command line, which is ``rsc-bench`` where the package is installed."""

import sys

from rsc_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
