import pytest
import torch

from rsc_bench import plugins
from rsc_bench.kernels import Csr
from rsc_bench.suites.graphs import Graph, GraphError, GraphStore, load
from rsc_bench.suites.graphs.graph import Masks, random_split
from rsc_bench.suites.graphs.synthetic.statistics import degrees, edge_homophily

PATH = Csr(torch.tensor([0, 1, 3, 4], dtype=torch.int32), torch.tensor([1, 0, 2, 1], dtype=torch.int32), None, (3, 3), "path")


def graph_of(adjacency: Csr) -> Graph:
    return Graph(name="g", adjacency=adjacency, directed=False, classes=2, metric_name="accuracy")


def test_every_known_graph_is_listed_with_its_source():
    listed = {name: source for source in plugins.load("source").values() for name in source.names}
    assert {"small:hub", "twin:reddit2", "twin:ogbn-proteins", "reddit", "ogbn-products", "cora"} <= set(listed)
    assert listed["twin:yelp"].name == "twins"
    assert listed["twin:yelp"].missing() is None
    assert all(source.summary for source in listed.values())


def test_a_graph_of_a_fixed_size_cannot_be_scaled():
    with pytest.raises(GraphError, match=r"graph 'small:hub@0.5': is of a fixed size: leave out @0.5"):
        load("small:hub@0.5")


@pytest.mark.parametrize("source", plugins.load("source").values(), ids=lambda source: source.name)
def test_every_source_describes_itself_and_loads_only_names_of_its_own(source):
    others = [name for other in plugins.load("source").values() if other.name != source.name for name in other.names]
    assert source.summary.endswith(".")
    assert not set(source.names) & set(others)
    assert source.names or source.claims


@pytest.mark.parametrize("format_", plugins.load("format").values(), ids=lambda format_: format_.name)
def test_every_format_describes_itself_and_reports_a_damaged_file(format_, tmp_path):
    assert format_.summary.endswith(".")
    for suffix in format_.suffixes:
        (tmp_path / f"damaged{suffix}").write_bytes(b"\x01\x02" * 100)
        with pytest.raises(GraphError, match="damaged"):
            load(tmp_path / f"damaged{suffix}")


@pytest.mark.parametrize(
    ("wrong", "right"), [("twin:redit2", "twin:reddit2"), ("twin:redit2@0.1", "twin:reddit2"), ("ogbn-arxv", "ogbn-arxiv")]
)
def test_an_unknown_name_gets_the_nearest_names(wrong, right):
    with pytest.raises(GraphError, match=rf"graph '{wrong}' is not known: nearest are .*{right}"):
        load(wrong)


def test_a_name_like_no_other_gets_all_names():
    with pytest.raises(GraphError, match=r"give the path of a graph file or one of .*small:random.*twin:reddit2"):
        load("xqz")


SMALL = ("small:random", "small:hub", "small:empty-rows", "small:directed")


def test_loading_again_is_free_for_every_graph_of_a_round():
    store = GraphStore(free_bytes=lambda: 10**9)
    first = [store.load(name) for name in SMALL]
    assert all(store.load(name) is graph for name, graph in zip(SMALL, first, strict=True))
    assert store.load("small:hub", reorder="degree") is store.load("small:hub", reorder="degree")


def test_two_stores_share_no_graph():
    assert GraphStore().load("small:hub") is not GraphStore().load("small:hub")


def test_where_memory_is_short_the_graphs_not_used_for_longest_are_dropped():
    free = [10**9]
    store = GraphStore(free_bytes=lambda: free[-1])
    first = [store.load(name) for name in SMALL]
    # A quarter of all that is free but for graphs: with the first of them gone the others take just that.
    free.append(3 * sum(graph.memory_bytes() for graph in first[1:]))
    assert store.load(SMALL[-1]) is first[-1]
    free.append(10**9)
    assert [store.load(name) is graph for name, graph in zip(SMALL, first, strict=True)] == [False, True, True, True]
    assert store.load(SMALL[0]).digest == first[0].digest


def test_where_it_is_not_known_what_is_free_some_graphs_are_kept():
    store = GraphStore(free_bytes=lambda: None)
    assert store.load("small:random") is store.load("small:random")
    narrow = GraphStore(free_bytes=lambda: None, unknown_bytes=1)
    first = narrow.load("small:random")
    narrow.load("small:hub")
    assert narrow.load("small:random") is not first


def test_what_a_graph_has_made_by_now_is_part_of_what_it_takes():
    graph = graph_of(PATH)
    assert graph.memory_bytes() == 4 * 4 + 4 * 4, "offsets and columns, int32"
    graph = Graph("g", PATH, False, 0, "accuracy", make_features=lambda: torch.zeros(3, 2))
    _ = graph.features, graph.labels
    assert graph.memory_bytes() == 4 * 4 + 4 * 4 + 3 * 2 * 4
    _ = graph.edge_index
    assert graph.memory_bytes() == 4 * 4 + 4 * 4 + 3 * 2 * 4 + 2 * 4 * 8


def test_all_graphs_but_the_one_in_use_can_be_dropped():
    store = GraphStore()
    hub, last = store.load("small:hub"), store.load("small:random")
    store.keep_last()
    assert store.load("small:random") is last
    assert store.load("small:hub") is not hub


@pytest.mark.parametrize("name", ["small:random", "small:hub", "small:empty-rows", "small:directed"])
def test_small_graphs_have_labels_features_and_a_split(name):
    graph = load(name)
    assert graph.features.shape == (graph.nodes, 16)
    assert graph.features.dtype == torch.float32
    assert set(graph.labels.tolist()) == {0, 1, 2, 3}
    assert bool((graph.masks.train.int() + graph.masks.val.int() + graph.masks.test.int() == 1).all())
    assert edge_homophily(graph.adjacency, graph.labels) > 0.4


def test_small_graphs_have_the_shapes_they_are_named_for():
    hub, empty, directed = (
        load("small:hub").adjacency,
        load("small:empty-rows").adjacency,
        load("small:directed").adjacency.to_scipy(),
    )
    assert int(hub.row_nnz[0]) == 299
    assert int(hub.row_nnz[1:].max()) < 30
    assert int((empty.row_nnz == 0).sum()) >= 300
    assert int(empty.row_nnz[-1]) == 0
    assert (directed != directed.T).nnz > 0


def test_the_digest_is_that_of_the_structure_and_the_values():
    weighted = Csr(PATH.rowptr, PATH.col, torch.ones(4), (3, 3), "other name")
    moved = Csr(PATH.rowptr, torch.tensor([1, 0, 2, 0], dtype=torch.int32), None, (3, 3), "path")
    same = Csr(PATH.rowptr.long(), PATH.col.clone(), None, (3, 3), "other name")
    assert graph_of(same).digest == graph_of(PATH).digest
    assert len({graph_of(PATH).digest, graph_of(weighted).digest, graph_of(moved).digest}) == 3


def test_the_digest_of_a_training_is_that_of_all_it_sees():
    def graph(feature=1.0, label=0, trained_on=0):
        masks = Masks(*(torch.arange(3) == (trained_on + part) % 3 for part in range(3)))
        features, labels = torch.tensor([[feature], [0], [0]]), torch.tensor([label, 1, 1])
        return Graph("path", PATH, False, 2, "accuracy", lambda: features, lambda: labels, lambda: masks)

    made = [graph(), graph(feature=2.0), graph(label=1), graph(trained_on=1)]
    assert len({each.digest for each in made}) == 1
    assert len({each.task_digest for each in made}) == 4
    assert graph().task_digest == graph().task_digest
    assert graph_of(PATH).task_digest != graph_of(Csr(PATH.rowptr, PATH.col, torch.ones(4), (3, 3))).task_digest


def test_features_are_made_on_first_use_and_once():
    made = []
    graph = Graph("g", PATH, False, 0, "accuracy", make_features=lambda: made.append(1) or torch.zeros(3, 2))
    assert made == []
    assert graph.features is graph.features
    assert made == [1]
    assert graph.labels is None


def test_an_adjacency_must_be_square_and_have_an_edge():
    with pytest.raises(GraphError, match="must be square \\(got 3 x 4\\)"):
        graph_of(Csr(PATH.rowptr, PATH.col, None, (3, 4)))
    with pytest.raises(GraphError, match="at least one edge"):
        graph_of(Csr(torch.zeros(4, dtype=torch.int32), PATH.col[:0], None, (3, 3)))


def test_a_random_split_leaves_unlabelled_nodes_out_and_is_the_same_each_time():
    labels = torch.tensor([0, 1] * 50 + [-1] * 20)
    split = random_split(120, labels)
    assert [int(mask.sum()) for mask in (split.train, split.val, split.test)] == [60, 20, 20]
    assert not bool((split.train | split.val | split.test)[100:].any())
    assert torch.equal(split.train, random_split(120, labels).train)


def test_edge_homophily_is_the_share_of_edges_between_equal_labels():
    assert edge_homophily(PATH, torch.tensor([0, 0, 1])) == 0.5
    assert edge_homophily(PATH, torch.tensor([0, 0, -1])) == 1.0
    assert edge_homophily(PATH, torch.tensor([-1, -1, -1])) is None


def test_degrees_of_a_path_of_three_nodes():
    # Degrees 1, 2, 1: mean 4/3, standard deviation sqrt(2)/3.
    found = degrees(PATH)
    assert (found.mean, found.largest, found.median) == (pytest.approx(4 / 3), 2, 1.0)
    assert found.variation == pytest.approx(2**0.5 / 4)
    assert found.top_share == 0.5
