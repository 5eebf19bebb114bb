"""Mini-batches of clusters that are joined anew in each epoch (Cluster-GCN, Chiang et al., KDD 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from rsc_bench.harness.measure.work import Skip
from rsc_bench.optional import absent
from rsc_bench.suites.training.batches import Batch, Batches, induced, to_scipy
from rsc_bench.suites.training.controls.control import Control, Way
from rsc_bench.suites.training.data import TrainingData

if TYPE_CHECKING:
    import scipy.sparse

_SEED = 0
"""Of METIS: a graph has the same clusters in every training, as the paper makes them once."""


def clusters(data: TrainingData, layers: int, seed: int) -> Batches:
    """Return mini-batches of some clusters each with the edges between them; in each epoch other clusters meet.

    Clusters are METIS's (Karypis and Kumar, 1998), as in the paper, where pymetis is installed. Else they are stretches of the
    reverse Cuthill-McKee order, in which neighbours are near each other; they are all of the same size, and cut more edges.
    Raises `Skip` for a graph of fewer nodes than clusters.
    """
    del layers
    count = data.recipe.clusters
    if data.nodes < count:
        raise Skip(f"clusters need at least {count} nodes (got {data.nodes}): train on the whole graph")
    return _Clusters(data, torch.Generator().manual_seed(seed))


def no_metis() -> str | None:
    """Return how to get pymetis, or None where it is installed."""
    return None if find_spec("pymetis") else absent("pymetis")


class _Clusters:
    """The clusters, which are joined into mini-batches anew whenever an epoch begins."""

    def __init__(self, data: TrainingData, generator: torch.Generator) -> None:
        self._device, self._generator = data.adjacency.device, generator
        self._matrix = to_scipy(data.adjacency.cpu())
        cut = by_order if no_metis() else by_metis
        self._parts, recipe = cut(self._matrix, data.recipe.clusters), data.recipe
        self._batches = min(len(self._parts), math.ceil(recipe.clusters / recipe.clusters_a_batch))
        self._is_train = torch.zeros(data.nodes, dtype=torch.bool)
        self._is_train[data.train.cpu()] = True

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        for numbers in torch.randperm(len(self._parts), generator=self._generator).tensor_split(self._batches):
            nodes = torch.cat([self._parts[number] for number in numbers.tolist()]).sort().values
            batch = induced(self._matrix, nodes, self._is_train)
            if len(batch.train):
                yield batch.on(self._device)


def by_order(matrix: scipy.sparse.csr_matrix, count: int) -> list[torch.Tensor]:
    """Return the nodes of each cluster: stretches of the reverse Cuthill-McKee order."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    order = torch.from_numpy(reverse_cuthill_mckee(matrix, symmetric_mode=False).copy()).long()
    return list(order.tensor_split(count))


def by_metis(matrix: scipy.sparse.csr_matrix, count: int) -> list[torch.Tensor]:
    """Return the nodes of each cluster that METIS finds; of a small graph it leaves some clusters empty, which are none."""
    import numpy as np
    import pymetis
    import scipy.sparse

    ones = scipy.sparse.csr_matrix((np.ones(matrix.nnz, dtype=np.int8), matrix.indices, matrix.indptr), matrix.shape)
    both = ones.maximum(ones.T).tocsr()
    both.setdiag(0)  # METIS takes no self-loops
    both.eliminate_zeros()
    both.sort_indices()
    graph = pymetis.CSRAdjacency(both.indptr, both.indices)
    found = pymetis.part_graph(count, graph, options=pymetis.Options(seed=_SEED))
    part = torch.tensor(found.vertex_part)
    order = part.argsort(stable=True)
    return [nodes for nodes in torch.split(order, torch.bincount(part, minlength=count).tolist()) if len(nodes)]


CONTROL = Control(
    "cluster-batches",
    "Exact training on clusters that are joined anew in each epoch (Cluster-GCN): stretches of reverse Cuthill-McKee.",
    loader=clusters,
    better=Way(
        "metis", "The same, on the clusters of METIS (Karypis and Kumar, 1998), as in the paper; used where it is there.", no_metis
    ),
)
