"""Writes results files as large as they get, of which no two times are the same: ``python large_results.py FILE 100000 5``.

The numbers are those of records and of rounds: of few rounds each case is another one, of many each is measured again.
"""

import random
import sys
from pathlib import Path

from synthetic_results import Sweep, sweep, write_results

WIDTHS = (64, 128, 256, 512)
CASES = 3 + 4 * 3 * 4
"""Measured on each graph and width: the exact kernels, and four selections before each at four budgets."""


def large(path: Path, records: int, rounds: int, seed: int = 0) -> Path:
    """Write at least so many records."""
    chance = random.Random(seed)
    graphs = -(-records // (rounds * len(WIDTHS) * CASES))
    plan = Sweep(graphs=tuple(f"twin:some-graph-{place}@0.1" for place in range(graphs)), widths=WIDTHS, rounds=rounds)
    return write_results(path, [[_noisy(record, chance) for record in found] for found in sweep(plan)])


def _noisy(record, chance):
    times_s = record.measurement and [time_s * chance.uniform(1, 1.03) for time_s in record.measurement.timing.times_s]
    return record.with_times(times_s) if times_s else record


if __name__ == "__main__":
    large(Path(sys.argv[1]), *map(int, sys.argv[2:]))
