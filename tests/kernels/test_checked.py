"""What a matrix is made of is looked at before any code reads memory by it, and refused in one line."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_matrices import array, jagged, same_bits
from torch_modes import NothingIsRead, NothingWaits

from rsc_bench.kernels import Csr, checked
from rsc_bench.kernels.csr import Scaling
from rsc_bench.kernels.padding import padded
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.selections import Kept

ROWPTR, COL = [0, 2, 2, 4], [0, 2, 1, 2]
COUNTED = "what int32 cannot hold is to be counted in int64"
MAKERS = "Csr.from_scipy, Csr.from_torch and Csr.from_edge_index make right ones"


def made(rowptr=ROWPTR, col=COL, dtype=torch.int32, shape=(3, 3), **others):
    """3 x 3, four non-zeros, but for what a test gives in their place."""
    parts = (part if isinstance(part, torch.Tensor) else torch.tensor(part, dtype=dtype) for part in (rowptr, col))
    return Csr(*parts, others.pop("entries", None), shape, others.pop("name", "mine"), **others)


def refused(**given):
    with pytest.raises(ValueError, match=r"must|values") as caught:
        made(**given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("rowptr", "message"), [
    ([1, 2, 2, 4], f"mine: rowptr must start at 0 (got 1): it says where in col each row starts; {MAKERS}"),
    ([-1, 2, 2, 4], f"mine: rowptr must start at 0 (got -1): it says where in col each row starts; {MAKERS}"),
    ([0, 3, 2, 4], f"mine: rowptr must not descend (got 2 after 3, at entry 2): {MAKERS}"),
    ([0, 2, 9, 4], f"mine: rowptr must not descend (got 4 after 9, at entry 3): {MAKERS}"),
    ([0, 2, -2147483647, 4], f"mine: rowptr must not descend (got -2147483647 after 2, at entry 2): {COUNTED}"),
    ([0, 2, 2, 3], f"mine: rowptr must end at the length of col, 4 (got 3): give both of one matrix; {MAKERS}"),
    ([0, 2, 2, 5], f"mine: rowptr must end at the length of col, 4 (got 5): give both of one matrix; {MAKERS}"),
    ([0, 2, 4], "mine: rowptr must have rows + 1 = 4 entries (got 3): see its shape"),
    ([], "mine: rowptr must have rows + 1 = 4 entries (got 0): see its shape"),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_offsets_that_lead_out_of_the_columns_are_refused(rowptr, message, dtype):
    assert refused(rowptr=rowptr, dtype=dtype) == message


@pytest.mark.parametrize(
    ("col", "found"), [([0, 3, 1, 2], "0 to 3"), ([0, -1, 1, 2], "-1 to 2"), ([0, 2**30, 1, 2], f"0 to {2**30}")]
)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_columns_outside_of_the_shape_are_refused(col, found, dtype):
    rule = f"column indices must lie in [0, 3) (got {found}): they count from 0, and shape says how many there are"
    assert refused(col=col, dtype=dtype) == f"mine: {rule}"


def test_columns_that_int32_would_turn_into_others_are_refused():
    assert "(got 0 to 4294967297)" in refused(col=[0, 2**32 + 1, 1, 2], dtype=torch.int64)


@pytest.mark.parametrize(
    "dtype", [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64]
)
def test_indices_of_any_integer_dtype_become_those_that_kernels_read(dtype):
    found = made(torch.tensor(ROWPTR).to(dtype), torch.tensor(COL).to(dtype))
    assert (found.rowptr.tolist(), found.col.tolist()) == (ROWPTR, COL)
    assert found.rowptr.dtype is (torch.int64 if dtype is torch.int64 else torch.int32)
    assert found.col.dtype is torch.int32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.bool, torch.complex64])
@pytest.mark.parametrize("which", ["rowptr", "col"])
def test_indices_that_are_no_integers_are_refused(which, dtype):
    given = torch.tensor(ROWPTR if which == "rowptr" else COL).to(dtype)
    word = str(dtype).removeprefix("torch.")
    assert refused(**{which: given}) == f"mine: {which} must hold integers (got {word}): convert it with .long()"


@pytest.mark.parametrize(("given", "message"), [
    ({"rowptr": torch.tensor([ROWPTR])}, "mine: rowptr must be 1-D (got shape (1, 4))"),
    ({"col": torch.tensor([COL])}, "mine: col must be 1-D (got shape (1, 4))"),
    ({"col": torch.tensor(COL).to_sparse()}, "mine: col must be 1-D (got layout sparse_coo)"),
    ({"rowptr": torch.tensor(0)}, "mine: rowptr must be 1-D (got shape ())"),
    ({"entries": torch.ones(4, 1)}, "mine: value must be 1-D (got shape (4, 1))"),
    ({"entries": torch.ones(3)}, "mine: value must have one entry a non-zero, 4 (got 3)"),
    ({"entries": torch.ones(4, dtype=torch.complex64)}, "mine: value must be real (got complex64): take its .real"),
    ({"entries": torch.ones(4, device="meta")}, "mine: value must be on cpu, where the indices are (got meta): move it with .to()"),
    ({"entries": [1.0] * 4}, "mine: value must be a torch tensor (got list): torch.tensor makes one"),
    ({"scaling": Scaling(rows=torch.ones(4))}, "mine: rows of the scaling must have one entry for each of the rows, 3 (got 4)"),
    ({"scaling": Scaling(columns=torch.ones(2))},
     "mine: columns of the scaling must have one entry for each of the columns, 3 (got 2)"),
    ({"shape": (3,)}, "mine: shape must be two whole numbers, (rows, columns) (got (3,))"),
    ({"shape": (3, 3.0)}, "mine: shape must be two whole numbers, (rows, columns) (got (3, 3.0))"),
    ({"shape": 3}, "mine: shape must be two whole numbers, (rows, columns) (got 3)"),
    ({"shape": (3, -1)}, "mine: columns must be at least 0 (got -1): kernels count them in int32"),
    ({"shape": (2**31, 3)}, "mine: rows must be at most 2147483647 (got 2147483648): kernels count them in int32"),
    ({"name": "", "shape": (2, 3)}, "matrix: rowptr must have rows + 1 = 3 entries (got 4): see its shape"),
])  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused(given, message):
    assert refused(**given) == message


def test_indices_that_are_no_tensors_are_refused_with_what_makes_one():
    with pytest.raises(ValueError, match=r"mine: rowptr must be a torch tensor \(got ndarray\): torch.from_numpy makes one"):
        Csr(np.array(ROWPTR), torch.tensor(COL), None, (3, 3), "mine")
    with pytest.raises(ValueError, match=r"mine: col must be a torch tensor \(got None\): torch.tensor makes one"):
        Csr(torch.tensor(ROWPTR), None, None, (3, 3), "mine")


def test_indices_on_two_devices_are_refused():
    rule = "rowptr and col must be on one device (got cpu and meta): move one of them with .to()"
    assert refused(col=torch.tensor(COL, device="meta")) == f"mine: {rule}"


def test_parts_with_gaps_between_them_are_laid_together():
    spread = [torch.tensor(part, dtype=torch.int32).repeat_interleave(3)[::3] for part in (ROWPTR, COL)]
    value = torch.arange(8.0)[::2]
    found = Csr(*spread, value, (3, 3))
    assert same_bits(found, Csr(torch.tensor(ROWPTR).int(), torch.tensor(COL).int(), value.clone(), (3, 3)))
    assert found.rowptr.is_contiguous()
    assert found.col.is_contiguous()
    assert found.entries.is_contiguous()


def test_one_value_that_stands_for_all_is_written_out():
    assert made(entries=torch.tensor(0.5).expand(4)).entries.is_contiguous()


def test_a_bounded_matrix_may_have_anything_behind_its_last_entry():
    beyond = torch.tensor([*COL, -7, 2**30], dtype=torch.int32)
    assert made(col=beyond, bounded=True).nnz == 6
    assert refused(col=beyond) == f"mine: rowptr must end at the length of col, 6 (got 4): give both of one matrix; {MAKERS}"
    assert "must end at the length of col, 4 (got 7)" in refused(rowptr=[0, 2, 2, 7], bounded=True)
    assert "(got 0 to 3)" in refused(col=[0, 3, 1, 2, -9], bounded=True)


def test_a_matrix_made_of_another_by_dataclasses_is_looked_at_where_its_indices_are_others():
    matrix = jagged()
    with pytest.raises(ValueError, match="column indices must lie in"):
        replace(matrix, col=matrix.col + 2)
    with pytest.raises(ValueError, match=r"column indices must lie in \[0, 7\)"):
        replace(matrix, shape=(13, 7), _transposed=[])
    bounded = made(col=[*COL, 0], bounded=True)
    with pytest.raises(ValueError, match="rowptr must end at the length of col"):
        replace(bounded, bounded=False)


class Looked(AssertionError):
    pass


@pytest.fixture
def nothing_is_looked_at(monkeypatch):
    def look(*_):
        raise Looked

    monkeypatch.setattr(checked, "indices", look)


HALF = torch.arange(9) % 2 == 0
DERIVED = {
    "transpose": lambda matrix: matrix.transpose(),
    "mean": lambda matrix: matrix.mean(),
    "scaled": lambda matrix: matrix.scale_columns(torch.ones(9)),
    "with entries": lambda matrix: matrix.mean().with_entries(),
    "without diagonal": lambda matrix: matrix.without_diagonal(),
    "moved": lambda matrix: matrix.to("meta"),
    "bounded": lambda matrix: replace(matrix, bounded=True),
    "other values": lambda matrix: replace(matrix, entries=torch.ones(matrix.nnz), scaling=None),
    "compacted": lambda matrix: compaction.prepare(matrix)(Kept(HALF)),
    "compacted by torch": lambda matrix: compaction.compact(matrix, Kept(HALF)),
    "padded": lambda matrix: padded(replace(matrix, bounded=True)),
}


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("derive", DERIVED.values(), ids=DERIVED)
def test_what_is_made_of_a_checked_matrix_is_not_looked_at_again_and_would_pass(derive, weighted, monkeypatch):
    matrix, look = jagged(weighted), checked.indices
    monkeypatch.setattr(checked, "indices", lambda *_: pytest.fail("looked at indices that are known to be right"))
    found = derive(matrix)
    if found.device.type == "cpu":
        monkeypatch.undo()
        look(found.rowptr, found.col, found.shape, "derived", found.bounded)


def test_edges_are_looked_at_as_edges_and_not_once_more(nothing_is_looked_at):
    edges = torch.tensor([[0, 0, 1], [1, 2, 2]])
    assert array(Csr.from_edge_index(edges)).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_a_matrix_of_parts_is_looked_at(nothing_is_looked_at):
    with pytest.raises(Looked):
        made()


def test_a_trusted_matrix_waits_for_no_device():
    rowptr, col, value = torch.tensor(ROWPTR).int(), torch.tensor(COL).int(), torch.ones(4)
    with NothingIsRead(), NothingWaits():
        matrix = Csr.trusted(rowptr, col, value, (3, 3), "mine")
        replace(matrix, bounded=True)
    assert same_bits(matrix, made(entries=value))


def test_looking_waits_for_a_device_once(monkeypatch):
    reads = []
    tolist = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: reads.append(tensor) or tolist(tensor))
    made()
    assert len(reads) == 1
