"""Mini-batches of clusters that are joined anew in each epoch (Cluster-GCN, Chiang et al., KDD 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from rsc_bench.suites.training.batches import Batch, Batches, induced, to_scipy
from rsc_bench.suites.training.controls.control import Control
from rsc_bench.suites.training.data import TrainingData, TrainingError


def clusters(data: TrainingData, layers: int, seed: int) -> Batches:
    """Return mini-batches of some clusters each with the edges between them; in each epoch other clusters meet.

    Clusters are stretches of the reverse Cuthill-McKee order, in which neighbours are near each other (METIS, which the paper has,
    needs a library that is seldom installed).
    """
    del layers
    count = data.recipe.clusters
    if data.nodes < count:
        raise TrainingError(f"clusters need at least {count} nodes (got {data.nodes}): train on the whole graph")
    return _Clusters(data, torch.Generator().manual_seed(seed))


class _Clusters:
    """The clusters, which are joined into mini-batches anew whenever an epoch begins."""

    def __init__(self, data: TrainingData, generator: torch.Generator) -> None:
        from scipy.sparse.csgraph import reverse_cuthill_mckee

        self._device, self._generator = data.adjacency.device, generator
        self._matrix = to_scipy(data.adjacency.cpu())
        order = torch.from_numpy(reverse_cuthill_mckee(self._matrix, symmetric_mode=False).copy()).long()
        self._parts, recipe = order.tensor_split(data.recipe.clusters), data.recipe
        self._batches = math.ceil(recipe.clusters / recipe.clusters_a_batch)
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


CONTROL = Control(
    "cluster-batches", "Exact training on clusters that are joined anew in each epoch, as in Cluster-GCN.", loader=clusters
)
