"""GraphSAGE on mini-batches of sampled neighbours (Hamilton et al., arXiv 1706.02216), as from PyG's NeighborLoader."""

from rsc_bench.suites.training.models import Model
from rsc_bench.suites.training.models.graphsage import build
from rsc_bench.suites.training.neighbours import Neighbours

MODEL = Model(
    "NeighborSAGE",
    "GraphSAGE on mini-batches of sampled neighbours, new ones in each epoch, as from PyTorch Geometric's NeighborLoader.",
    build,
    reduce="mean",
    loader=Neighbours,
)
