"""``python -m rsc_bench``: the command line where the script ``rsc-bench`` is not on the path."""

import sys

from rsc_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
