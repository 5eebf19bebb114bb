"""``python -m rsc_bench``: the command line where the script ``rsc-bench`` is not on the path."""

import sys


def run() -> int:
    """Run the command line and return its exit status; 2 and one line where what it is made of is not installed."""
    try:
        from rsc_bench.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("rsc_bench"):
            raise
        sys.stderr.write(f"error: {error.name} is not installed: pip install {error.name}, or all that the package needs\n")
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(run())
