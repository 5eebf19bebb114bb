"""Reads everything there is in a graph file; a file that is refused must be refused in one line with a name in it."""

import warnings
from pathlib import Path

from rsc_bench import plugins
from rsc_bench.suites.graphs import GraphError, GraphStore

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
for kind in ("source", "format"):
    plugins.load(kind)


def read(path: Path) -> None:
    try:
        warnings.simplefilter("error")  # a warning is a line that the user does not understand
        graph = GraphStore().load(path)
        graph.facts.text().encode()
        assert graph.features is None or len(graph.features) == graph.nodes
        assert graph.labels is None or int(graph.labels.max()) < graph.classes or not graph.classes
        assert graph.masks.train.numel() == graph.nodes
        value = graph.adjacency.value
        assert value is None or bool(value.isfinite().all())
        matrix = graph.adjacency.to_scipy()
        assert graph.directed or (matrix != matrix.T).nnz == 0
    except GraphError as error:
        message = str(error)
        assert message.isprintable(), "more than a line, or a letter that moves the cursor"
        assert len(message) < 2_000
        assert str(path.parent) in message, "names no file"
