import pytest
import torch

from rsc_bench.kernels import ordering as module
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.ordering import ordering


@pytest.fixture(params=["as here", "without numba"])
def way(request, monkeypatch):
    if request.param == "without numba":
        monkeypatch.setattr(module, "with_numba", lambda module: None)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize(("size", "count"), [(0, 0), (0, 5), (1, 1), (1000, 7), (1000, 5000)])
def test_keys_are_sorted_and_equal_ones_stay_in_their_order(way, dtype, size, count):
    keys = torch.randint(max(count, 1), (size,), generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(ordering(keys, count), torch.sort(keys, stable=True).indices)


def test_keys_need_not_lie_together_in_memory(way):
    keys = torch.tensor([[3, 1], [0, 2], [3, 0]])[:, 0]
    assert ordering(keys, 4).tolist() == [1, 0, 2]


def test_edges_of_two_kinds_of_node_become_a_matrix_and_their_values_follow(way):
    rows, columns, value = torch.tensor([1, 0, 1, 1]), torch.tensor([4, 2, 0, 4]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    matrix, order = Csr.from_edges(rows, columns, (3, 5), "bought")
    assert matrix.shape == (3, 5)
    assert (matrix.rowptr.tolist(), matrix.col.tolist()) == ([0, 1, 4, 4], [2, 0, 4, 4])
    assert value[order].tolist() == [2.0, 3.0, 1.0, 4.0]


@pytest.mark.parametrize(("rows", "columns", "rule"), [
    ([0, 3], [0, 0], r"bought: edge_index must lie in \[0, 3\) for its targets \(got 0 to 3\)"),
    ([0, 1], [-1, 0], r"bought: edge_index must lie in \[0, 5\) for its sources \(got -1 to 0\)"),
])  # fmt: skip
def test_an_index_outside_the_shape_is_one_line(rows, columns, rule):
    with pytest.raises(ValueError, match=rule):
        Csr.from_edges(torch.tensor(rows), torch.tensor(columns), (3, 5), "bought")


@pytest.mark.parametrize("column", [-1, 2, 100_000])
def test_a_matrix_that_is_trusted_with_a_column_outside_of_it_writes_nowhere(way, column):
    matrix = Csr.trusted(torch.tensor([0, 2]), torch.tensor([0, column], dtype=torch.int32), None, (1, 2), "mine")
    with pytest.raises((ValueError, RuntimeError)):
        matrix.transpose()


@pytest.mark.parametrize("key", [-1, 3])
def test_a_key_outside_the_range_is_one_line(key):
    pytest.importorskip("numba", reason="numba is not installed: pip install numba")
    with pytest.raises(ValueError, match=r"indices must be from 0 to 2 \(got"):
        ordering(torch.tensor([0, key, 1]), 3)
