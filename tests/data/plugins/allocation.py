"""Gives every layer its share: an allocation to be added."""

from rsc_bench.kernels.rsc.allocations import Allocation
from rsc_bench.kernels.rsc.allocations.uniform import allocate

ALLOCATION = Allocation("mine", "Every layer the same share.", allocate)
