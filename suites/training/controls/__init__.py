"""What people would do in the place of sampling backward products, at the same cost: an approximated training has to beat it.

Two more controls need no training of their own: *exact for as long* and *exact epochs only* are the first epochs of the exact one
(`rsc_bench.harness.compare.trained.candidates`).
"""

from rsc_bench.suites.training.controls import cluster, degree_edges, few_neighbours, random_edges, walks
from rsc_bench.suites.training.controls.control import Control, Fewer

CONTROLS = {module.CONTROL.name: module.CONTROL for module in (random_edges, degree_edges, few_neighbours, walks, cluster)}
"""Every control by name."""

__all__ = ["CONTROLS", "Control", "Fewer"]
