"""GraphSAGE on random-walk subgraphs (Zeng et al., arXiv 1907.04931)."""

from rsc_bench.suites.training.models import Model
from rsc_bench.suites.training.models.graphsage import build
from rsc_bench.suites.training.random_walks import subgraphs

MODEL = Model(
    "GraphSAINT",
    "GraphSAGE on random-walk subgraphs (Zeng et al., arXiv 1907.04931).",
    build,
    reduce="mean",
    loader=subgraphs,
)
