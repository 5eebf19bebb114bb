"""A metric in one file: any results file can be read by it, also one that was measured before the metric existed.

    rsc-bench report run.jsonl --plugin write_a_metric.py                             # a column and an axis more
    rsc-bench compare base.jsonl new.jsonl --plugin write_a_metric.py --metric "edge rate"
    python write_a_metric.py run.jsonl                                                # prints it, without a page

A results file has samples and no means, so a metric is worked out while reading, here from one measurement: non-zeros of the
matrix, whether multiplied or left out, over the time of the fastest call. Without a file it reads one call of made-up numbers.
"""

import sys
from pathlib import Path

from rsc_bench import read_results
from rsc_bench.harness.metrics import Metric
from rsc_bench.harness.records.measurement import Matrix, Measurement, Timing


def edges_per_second(measurement: Measurement, baseline: Measurement | None) -> float | None:
    """Return billions of edges a second; None for a training, which is no single call."""
    del baseline  # the fastest exact kernel of the same round: for metrics that are a ratio
    if measurement.training is not None or not measurement.matrix.nnz:
        return None
    return measurement.matrix.nnz / measurement.timing.fastest_s / 1e9


METRIC = Metric(
    name="edge rate",
    unit="G/s",
    better="higher",
    summary="Edges of the graph over the time of the fastest call, whether they were multiplied or left out.",
    compute=edges_per_second,
)


def main(paths: list[str]) -> None:
    """Print the metric of every case that was measured in some results files."""
    print(METRIC.label)
    if not paths:
        timing = Timing(times_s=[0.004, 0.0041], select_s=None, prepare_s=None)
        made_up = Measurement(timing=timing, matrix=Matrix(nnz=8_000_000, kept_nnz=800_000))
        print(f"{METRIC.compute(made_up, None):8.2f}  8,000,000 edges in 4 ms")
    for path in paths:
        for record in read_results(Path(path)).records:
            value = METRIC.compute(record.measurement, None) if record.measurement else None
            print(f"{'-' if value is None else f'{value:.2f}':>8}  {record.case}")


if __name__ == "__main__":
    main(sys.argv[1:])
