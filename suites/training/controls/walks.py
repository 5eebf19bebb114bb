"""Mini-batches of random walks that are drawn anew in each epoch (GraphSAINT, Zeng et al., ICLR 2020)."""

from functools import partial

from rsc_bench.harness.measure.work import Skip
from rsc_bench.suites.training.controls.control import Control
from rsc_bench.suites.training.random_walks import redrawn

CONTROL = Control(
    "saint-batches",
    "Exact training on random-walk subgraphs drawn anew in each epoch, as in GraphSAINT.",
    loader=partial(redrawn, lacking=Skip),
)
