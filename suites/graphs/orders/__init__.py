"""The orders that the nodes of a graph can be put in; one order a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsc_bench.fields import Plugin
from rsc_bench.optional import present
from rsc_bench.suites.graphs.graph import Graph


@dataclass(frozen=True)
class Order(Plugin):
    """A way to number nodes anew; a file in ``suites/graphs/orders`` that defines ``ORDER = Order(...)`` is one."""

    name: str
    summary: str
    """One sentence: which nodes come to stand beside each other, and why a kernel may like it."""
    compute: Callable[[Graph], NDArray[np.integer]]
    """From a graph to (nodes,): its nodes in the new order, the same at each call."""
    missing: Callable[[], str | None] = present
    """Why it cannot be used on this machine, with the remedy; None where it can."""
