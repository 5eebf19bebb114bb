"""Read two results files, compare them from Python, and print every verdict with the exit status of `rsc-bench compare`.

    python read_results.py base.jsonl new.jsonl     # two files that `rsc-bench bench` wrote
    python read_results.py                          # two files of made-up times, in which one kernel became 20 % slower

Reading and comparing need neither torch nor a GPU: the files of any machine can be judged on a laptop.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from rsc_bench import compare, read_results
from rsc_bench.harness.output.wording import headline, reason_text
from rsc_bench.harness.records.appending import ResultsFile
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.measurement import Matrix, Measurement, Timing
from rsc_bench.harness.records.run import Record, Round

ROUNDS = 9
BASE_MS = {"mkl": 20.0, "rows_numba": 12.0}
NEW_MS = {"mkl": 20.0, "rows_numba": 14.4}


def make(path: Path, times_ms: dict[str, float], seed: int) -> Path:
    """Write a results file: in each round one record a kernel, its times spread by 1 % as on a quiet machine."""
    noise = np.random.default_rng(seed)
    file = ResultsFile(path, {"cpu": {"model": "example"}})
    for index in range(1, ROUNDS + 1):
        file.start_round(Round(index=index, of=ROUNDS, cases=len(times_ms), started="2026-01-01T00:00:00Z"))
        for kernel, time_ms in times_ms.items():
            times_s = time_ms / 1e3 * noise.uniform(1.0, 1.01, size=20)
            timing = Timing(times_s=times_s.tolist(), select_s=None, prepare_s=None)
            measurement = Measurement(timing=timing, matrix=Matrix(nnz=1_000_000, kept_nnz=1_000_000))
            case = Case(suite="exact", kernel=kernel, graph="g", width=64, budget=None, dtype="float32", device="cpu", clock="host")
            file.append(Record(case=case, status="ok", measurement=measurement))
    file.close()
    return path


def show(base: Path, new: Path) -> None:
    """Print what became of each case, then the whole in one line."""
    comparison = compare(read_results(base), read_results(new), threshold=0.05)
    for verdict in comparison.verdicts:
        ratio = "     " if verdict.ratio is None else f"{verdict.ratio:.3f}"
        print(f"{verdict.change:<8} {ratio}  {verdict.case}  {reason_text(verdict.reason)}".rstrip())
    print(headline(comparison))
    print(f"exit status {comparison.exit_status}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        show(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            show(make(Path(folder) / "base.jsonl", BASE_MS, seed=0), make(Path(folder) / "new.jsonl", NEW_MS, seed=1))
