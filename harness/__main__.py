"""``python -m harness`` in a checkout: the command line, which is ``rsc-bench`` where the package is installed."""

import sys

from rsc_bench.__main__ import run

if __name__ == "__main__":
    sys.exit(run())
