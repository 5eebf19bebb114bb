"""Check and time kernels from Python: one case each, on one graph, in this process.

    python measure_a_kernel.py                                  # the kernel of write_a_kernel.py beside two built-in ones
    python measure_a_kernel.py mine.py --graph my_graph.mtx --width 128

A case is checked against float64 before it is timed and again after it. One case in one process says little about small
differences: `rsc-bench bench` repeats the whole sweep in interleaved rounds and writes a results file, which
`rsc-bench compare` can judge. Use this form to look at one number while you work on a kernel.
"""

import argparse
import warnings
from pathlib import Path

import torch

from rsc_bench import Kernel, plugins
from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.records.case import Case
from rsc_bench.harness.records.run import Record
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.spmm.work import ready

BUDGET = 0.1
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")


def measure(kernel: Kernel, product: Product, store: Store) -> Record:
    """Return the record of one case, its measurement or why there is none; `store` keeps what the cases share."""
    case = Case(
        suite="example",
        kernel=kernel.name,
        graph=product.graph.name,
        width=product.width,
        budget=None if kernel.exact else BUDGET,
        dtype="float32",
        device=product.device,
        clock="host",
    )
    return attempt(case, lambda: ready(product, kernel, store), plugins.find("clock", "host"), Limits())


def line(record: Record) -> str:
    """Return a record in one line: the fastest call, its samples, and the distance from the exact product in float64."""
    if record.measurement is None:
        return f"{record.case.kernel:<22} {record.status}: {record.reason}"
    times, accuracy = record.measurement.timing.times_s, record.measurement.accuracy
    return f"{record.case.kernel:<22} {1e3 * min(times):8.3f} ms, {len(times):3} samples, relative error {accuracy.rel_error:.1e}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Check and time a kernel beside built-in ones.")
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("write_a_kernel.py"))
    parser.add_argument("--graph", default="twin:reddit2@0.01", help="name of a graph, or a graph file")
    parser.add_argument("--width", type=int, default=64, help="columns of the dense operand")
    given = parser.parse_args()
    mine = [plugin for kind, plugin in plugins.REGISTRY.add_file(given.file) if kind.name == "kernel"]
    exact = [*mine, plugins.find("kernel", "rows_numba"), plugins.find("kernel", "torch_reduce")]
    sampled = [compose(plugins.find("selection", "topk"), kernel, Sampling(BUDGET)) for kernel in exact[:-1]]
    store = Store()
    product = Product(store.graph(given.graph), given.width, torch.float32)
    print(f"{product.graph.name}, {product.width} columns; sampled kernels at budget {BUDGET}")
    for kernel in (*exact, *sampled):
        print(line(measure(kernel, product, store)))
