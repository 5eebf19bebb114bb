"""The identity of one measured thing: what `compare` matches two runs by."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rsc_bench.harness.records.ranges import Count, Name, Seed, Share, Width

FRESH: Final = "fresh"
KEPT: Final = "kept"
"""What ``--memory`` calls the two settings of a process; `Case.freed_memory` has the second one only."""
FLOAT32: Final = "float32"
"""The class of kernels that every other one is quoted against, too."""
SAMPLED: Final = "sampled"
"""The suite of kernels that do not multiply all, whether they are given a budget or have a measure of their own."""
GROWTH = "growth"
"""The suite of products that are drawn over their size: many of one kind, which are set against each other alone."""
HARNESS: Final = "harness"
"""The suite of what the harness itself does: no kernel is called for it, or many are."""
MINMAX = "minmax"
"""The suite of largest and smallest neighbours, which are no products: set against each other alone as well."""
PYTEST_BENCHMARK: Final = "pytest-benchmark"
"""The suite of another program's benchmarks, which are comparable within a group that their author has named."""
SDDMM: Final = "sddmm"
"""The suite of dot products, one a non-zero: another operation than a product, and set against each other alone as well."""
APART = (GROWTH, MINMAX, SDDMM, HARNESS)
"""Suites that the headline and the figures of products leave out."""


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The identity of one measured thing: two records are comparable when their cases are equal."""

    suite: Name
    """The suite that made it: ``exact``, ``sampled``, ``minmax``, ``sddmm``, ``growth``, ``training``, ``harness``."""
    kernel: Name
    """Kernel name, composed where it samples: ``rows_numba``, ``topk(rows_numba)``."""
    graph: Name
    """Graph name with its scale: ``twin:reddit2@0.05``."""
    width: Width
    """Columns of the dense operand, or of both (features of the layer); 0: it multiplies none, as another program's benchmark."""
    budget: Share | None
    """Share of the exact FLOPs that may be spent, in (0, 1]; None for an exact kernel."""
    dtype: Name
    """``float32``, ``bfloat16``."""
    device: Name
    """``cpu``, ``cuda:0``."""
    clock: Name
    """The clock that timed it; numbers of two clocks are never compared."""
    reduce: Name = "sum"
    """Aggregation: ``sum``, ``mean``, ``max`` or ``min``."""
    model: Name | None = None
    """Model name (training only)."""
    layers: Count | None = None
    """Number of layers (training only)."""
    seed: Seed | None = None
    """Seed of the initialisation and of the sampling (training only)."""
    epochs: Count | None = None
    """Epochs of the training (training only)."""
    reorder: Name | None = None
    """The order that the graph's nodes were put in, ``degree``; None: the source's own."""
    variant: Name | None = None
    """What of the method is left out or changed, ``no-switch``, or the control in its place, ``random-edges``; None: the method as
    it is (training only)."""
    recipe: Name | None = None
    """What it was trained with other than the published recipe, ``dropout=0.1``; None: the recipe as it is (training only)."""
    freed_memory: Name | None = None
    """``kept``: main memory that is freed stays in the process for what comes next (`rsc_bench.keep_memory`); None: it goes where
    the C library's allocator has it go, which is fresh memory for each result above 32 MB, as in older files, and on a GPU."""
    precision: Name | None = None
    """What the kernel computes in, where it says another than `dtype`, which is what it stores: ``tf32``. None: in that, with sums
    in float32 (float64 in float64), as in older files."""
    graph_digest: str | None = None
    """Digest of the graph's contents: structure and values, of a training features, labels and split too. Another graph of the same
    name is another case. None: not known, as where the graph could not be loaded, and in older files."""

    def __str__(self) -> str:
        budget = "" if self.budget is None else f" C={self.budget:g}"
        beyond = "" if self.reduce == "sum" else f" {self.reduce}"
        beyond += "".join(f" {name}={value}" for name, value in self._further() if value is not None)
        width = f" d={self.width}" if self.width else ""
        operation = f"{self.graph_as_run}{width} {self.dtype} {self.device} {self.clock}"
        return f"{self.suite} {operation} {self.kernel}{budget}{beyond}"

    @property
    def apart(self) -> str:
        """The suite, where its cases are set against each other alone; empty of others, whose products make one sweep."""
        return self.suite if self.suite in APART else ""

    @property
    def is_exact(self) -> bool:
        """Whether all of a product is multiplied, or a training is exact on the whole graph: what others are quoted against."""
        return self.budget is None and self.variant is None and self.suite != SAMPLED

    @property
    def compares(self) -> bool:
        """Whether it may be faster or slower than others: not another program's benchmark of no group, known by its file alone.

        The kernel of one that is of a group is the whole of its name, ``test_a.py::test_sort``, and its graph is the group.
        """
        return self.suite != PYTEST_BENCHMARK or self.kernel.partition("::")[0].endswith(".py")

    @property
    def graph_as_run(self) -> str:
        """Name of the graph and of the order of its nodes, where it is not the source's own: ``twin:reddit2 (degree)``."""
        return self.graph if self.reorder is None else f"{self.graph} ({self.reorder})"

    def _further(self) -> list[tuple[str, Any]]:
        names = ("model", "layers", "epochs", "seed", "variant", "recipe", "freed_memory", "precision")
        return [(name, getattr(self, name)) for name in names]
