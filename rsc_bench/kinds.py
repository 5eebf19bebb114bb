"""Lists the kinds of plug-in: where those of ours lie, of which class they are, and which names they must not have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of plug-in: where ours lie, and what they are."""

    name: str
    """``kernel``: the constant is ``KERNEL`` or ``KERNELS``, the entry points are ``rsc_bench.kernels``."""
    package: str
    """Folder of our own, as a dotted name."""
    type: str
    """The class of the constant, as ``module:name``; imported when a plug-in is loaded."""
    more_names: str = ""
    """The field with names that no two of its plug-ins may share, beside their own; empty where it has none."""
    taken: tuple[str, ...] = ()
    """Names that mean something else where one of its plug-ins is chosen or recorded."""

    @property
    def constant(self) -> str:
        """The constant that a file defines."""
        return self.name.upper()

    @property
    def class_name(self) -> str:
        """Name of the class of the constant."""
        return self.type.rpartition(":")[2]

    @property
    def group(self) -> str:
        """The entry points of installed packages."""
        return f"rsc_bench.{self.name}s"


AS_WRITTEN = "pyg_edge_index"
"""What stands in the place of a kernel in a training by PyTorch Geometric's own code, as most people write it."""
BASELINES = (AS_WRITTEN, "pyg_csr", "pyg_torch_sparse")
"""The same for everything that its layers can be called with."""
ALL_BASELINES = "baselines"
"""What ``--kernel`` calls every baseline of the device (`rsc_bench.kernels.contract.Role`)."""

KINDS = {
    kind.name: kind
    for kind in (
        Kind("kernel", "rsc_bench.kernels.exact", "rsc_bench.kernels.contract:Kernel", taken=(*BASELINES, ALL_BASELINES)),
        Kind("selection", "rsc_bench.kernels.sampled.selections", "rsc_bench.kernels.sampled.selections:Selection"),
        Kind("allocation", "rsc_bench.kernels.rsc.allocations", "rsc_bench.kernels.rsc.allocations:Allocation"),
        Kind("model", "rsc_bench.suites.training.models", "rsc_bench.suites.training.models:Model"),
        Kind("source", "rsc_bench.suites.graphs", "rsc_bench.suites.graphs.source:Source", more_names="names"),
        Kind("format", "rsc_bench.suites.graphs.formats", "rsc_bench.suites.graphs.formats:Format"),
        Kind("order", "rsc_bench.suites.graphs.orders", "rsc_bench.suites.graphs.orders:Order", taken=("none",)),
        Kind("clock", "rsc_bench.harness.measure.clocks", "rsc_bench.harness.measure.clocks:Clock"),
        Kind("sensor", "rsc_bench.harness.machine.sensors", "rsc_bench.harness.machine.sensors:Sensor", more_names="columns"),
        Kind("rule", "rsc_bench.harness.statistics.rules", "rsc_bench.harness.statistics.rules:Rule"),
        Kind("metric", "rsc_bench.harness.metrics", "rsc_bench.harness.metrics:Metric", taken=("time", "accuracy")),
        Kind("output", "rsc_bench.harness.output", "rsc_bench.harness.output:Output"),
        Kind("export", "rsc_bench.reports.exports", "rsc_bench.reports.exports:Export"),
        Kind("figure", "rsc_bench.reports.figures", "rsc_bench.reports.figures:Figure"),
        Kind("command", "rsc_bench.cli", "click:Command"),
    )
}
