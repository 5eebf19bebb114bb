"""Reads pairs of numbers: a graph format to be added."""

import numpy as np
import scipy.sparse

from rsc_bench.suites.graphs.formats import Format
from rsc_bench.suites.graphs.parts import Parts


def read(path, option):
    rows, columns = np.loadtxt(path, dtype=int).T
    nodes = int(max(rows.max(), columns.max())) + 1
    return Parts(scipy.sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(nodes, nodes)), undirected=True)


FORMAT = Format("mine", "Two node numbers a line.", [".pairs"], lambda path: True, read)
