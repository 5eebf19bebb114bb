"""Dtypes that NumPy reads are read, and what is no matrix of real numbers is refused in one line."""

import numpy as np
import pytest
import scipy.sparse

from rsc_bench.suites.graphs import GraphError, load

RING = scipy.sparse.csr_matrix(np.roll(np.eye(4), 1, axis=1) + np.roll(np.eye(4), -1, axis=1))
DENSE = RING.toarray().tolist()


def parts(prefix="", **changed):
    found = {f"{prefix}{name}": getattr(RING, name) for name in ("data", "indices", "indptr", "shape")}
    return ({"format": b"csr"} if not prefix else {}) | found | changed


def saved(path, arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", [">f8", ">f4", "f2", ">f2", "g", "?", "i1", "u1", ">i2", "u4", ">i8", "u8"])
def test_values_of_any_real_dtype_are_read(tmp_path, dtype):
    graph = load(saved(tmp_path / "g.npz", parts(data=RING.data.astype(dtype))))
    assert graph.adjacency.to_scipy().toarray().tolist() == DENSE
    weights = load(saved(tmp_path / "w.npz", parts(data=(RING.data * 3).astype(dtype))))
    assert weights.facts.weighted == (dtype != "?")


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i4", ">i8", "u8", ">u2"])
@pytest.mark.parametrize("prefix", ["", "adj_"])
def test_indices_of_any_integer_dtype_are_read(tmp_path, dtype, prefix):
    names = [f"{prefix}indices", f"{prefix}indptr", f"{prefix}shape"]
    arrays = parts(prefix)
    arrays |= {name: np.asarray(arrays[name]).astype(dtype) for name in names}
    assert load(saved(tmp_path / "g.npz", arrays)).adjacency.to_scipy().toarray().tolist() == DENSE


def test_coordinates_are_read_under_both_of_scipys_names(tmp_path):
    coo = RING.tocoo()
    old = {"format": b"coo", "shape": coo.shape, "data": coo.data, "row": coo.row, "col": coo.col}
    new = {"format": np.array("coo"), "shape": coo.shape, "data": coo.data, "coords": np.stack([coo.row, coo.col])}
    for arrays in (old, new):
        assert load(saved(tmp_path / "g.npz", arrays)).adjacency.to_scipy().toarray().tolist() == DENSE


@pytest.mark.parametrize("layout", ["csr_array", "csc_array", "coo_array"])
def test_sparse_arrays_are_read_as_matrices_are(tmp_path, layout):
    scipy.sparse.save_npz(tmp_path / "g.npz", getattr(scipy.sparse, layout)(RING))
    assert load(tmp_path / "g.npz").adjacency.to_scipy().toarray().tolist() == DENSE


REFUSED = {
    "one dimension": (parts(shape=[4], indptr=[0, 2], indices=[1, 2], data=[1, 1]), r"must have 2 dimensions \(got 1\)"),
    "three dimensions": (
        {"format": b"coo", "shape": [2, 2, 2], "data": np.ones(8), "coords": np.zeros((3, 8), int)},
        r"must have 2 dimensions \(got 3\)",
    ),
    "a shape of floats": (parts(shape=[4.0, 4.0]), r"array 'shape' must hold integers \(got float64\)"),
    "a negative shape": (parts(shape=[-4, -4]), "at most 268,435,456 nodes"),
    "a table of values": (parts(data=np.ones((8, 1))), r"array 'data' must have 1 dimension \(got 2\)"),
    "one number for all": (parts(data=1.0), r"array 'data' must have 1 dimension \(got 0\)"),
    "too few values": (parts(data=np.ones(7)), r"a value for each of 8 entries \(got 7\)"),
    "too few offsets": (parts(indptr=[0, 8]), r"indptr must have 5 offsets \(got 2\)"),
    "indices of floats": (parts(indices=RING.indices / 1), r"array 'indices' must hold integers \(got float64\)"),
    "an index past int64": (parts(indices=RING.indices.astype("u8") + np.uint64(2**63)), r"indices must lie in \[0, 4\)"),
    "texts": (parts(data=np.array(["1"] * 8)), "values must be real numbers"),
    "dates": (parts(data=np.ones(8, dtype="M8[s]")), "values must be real numbers"),
    "records": (parts(data=np.ones(8, dtype="i4,f4")), "values must be real numbers"),
    "a longdouble that is too large": (parts(data=np.full(8, np.longdouble("1e400"))), "at most 3.4e38"),
    "an unknown layout": (parts(format=b"\xff\n"), r"must be CSR, CSC or COO"),
    "two layouts": (parts(format=np.array([b"csr", b"csc"])), r"must be CSR, CSC or COO \(got ''\)"),
    "no indices": ({name: array for name, array in parts().items() if name != "indices"}, "no array 'indices'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_matrix_is_refused_in_one_line(tmp_path, name):
    arrays, rule = REFUSED[name]
    with pytest.raises(GraphError, match=rule) as caught:
        load(saved(tmp_path / "g.npz", arrays))
    assert str(caught.value).isprintable()


LABELS = {
    "years": ([2003, 2001, 2004, 2002], [2, 0, 3, 1]),
    "a gap": ([0, 1_000_000, 0, 1_000_000], [0, 1, 0, 1]),
    "missing": ([7, -1, 7, -5], [0, -1, 0, -1]),
    "past int64": (np.array([2**64 - 1, 0, 1, 1], dtype=np.uint64), [2, 0, 1, 1]),
    "big-endian": (np.array([5, 3, 5, 3], dtype=">i2"), [1, 0, 1, 0]),
    "truth values": ([True, False, True, True], [1, 0, 1, 1]),
    "whole floats, one missing": ([3.0, np.nan, 1.0, 3.0], [1, -1, 0, 1]),
    "names": (["b", "", "a", "b"], [1, -1, 0, 1]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_classes_by_their_distinct_values(tmp_path, name):
    given, classes = LABELS[name]
    graph = load(saved(tmp_path / "g.npz", parts("adj_", labels=np.array(given))))
    assert graph.labels.tolist() == classes
    assert graph.classes == max(classes) + 1


@pytest.mark.parametrize("labels", [np.eye(4), np.array([0.5, 1, 1, 0]), np.array([np.inf, 1, 1, 0]), np.array(3), np.ones(4) * 1j])
def test_labels_that_name_no_class_are_refused(tmp_path, labels):
    with pytest.raises(GraphError, match="labels must be integers or names, one a node"):
        load(saved(tmp_path / "g.npz", parts("adj_", labels=labels)))


def test_features_that_one_number_makes_huge_are_refused(tmp_path):
    attributes = {"attr_data": [1.0], "attr_indices": [90_000_000], "attr_indptr": [0, 1, 1, 1, 1], "attr_shape": [4, 100_000_000]}
    with pytest.raises(GraphError, match="4 x 100,000,000 features of which 1 are listed may take at most"):
        load(saved(tmp_path / "g.npz", parts("adj_", **attributes)))


def test_a_file_that_does_not_begin_as_a_zip_is_not_called_a_pickle(tmp_path):
    path = saved(tmp_path / "g.npz", parts())
    path.write_bytes(b"XX" + path.read_bytes()[2:])
    with pytest.raises(GraphError, match="does not begin as a zip file does"):
        load(path)
