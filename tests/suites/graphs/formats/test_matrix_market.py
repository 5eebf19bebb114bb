"""What SciPy reads of Matrix Market is read, with the same result."""

import bz2
import gzip

import numpy as np
import pytest
import scipy.io

from rsc_bench.suites.graphs import GraphError, load

REAL = "%%MatrixMarket matrix coordinate real general\n"


def written(tmp_path, text, name="g.mtx"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def banner(field, symmetry="general", layout="coordinate"):
    return f"%%MatrixMarket matrix {layout} {field} {symmetry}\n"


def scipys(path):
    found = scipy.io.mmread(path)
    return found if isinstance(found, np.ndarray) else found.toarray()


AS_SCIPY = {
    "one per cent sign": "%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 2\n",
    "indented banner": f"  {REAL}3 3 1\n1 2 3\n",
    "more behind the banner": f"{REAL.strip()} extra words\n3 3 1\n1 2 3\n",
    "capitals": "%%MatrixMarket MATRIX Coordinate Real GENERAL\n3 3 1\n1 2 3\n",
    "indented comment": f"{banner('pattern')} % comment\n\t%another\n3 3 2\n1 2\n2 3\n",
    "long comment": f"{REAL}%{'x' * 5_000}\n3 3 1\n1 2 3\n",
    "comment that is no ASCII": f"{REAL}% Zürich\n3 3 1\n1 2 3\n",
    "empty lines": f"{REAL}\n\n3 3 2\n1 2 3\n\n2 3 4\n\n",
    "comment behind a value": f"{REAL}3 3 2\n1 2 3 % three\n2 3 4\n",
    "more behind a value": f"{REAL}3 3 2\n1 2 3 9\n2 3 4\n",
    "tabs and spaces": f"{REAL}  3\t3 2\n  1\t2  3  \n2 3 4\n",
    "lines of Windows": f"{REAL}3 3 2\n1 2 3\n2 3 4\n".replace("\n", "\r\n"),
    "no end of line": f"{REAL}3 3 2\n1 2 3\n2 3 4",
    "no digit before or behind the point": f"{REAL}3 3 2\n1 2 .5\n2 3 5.\n",
    "double": f"{banner('double')}3 3 1\n1 2 3\n",
    "integer": f"{banner('integer')}3 3 2\n1 2 3\n2 1 -4\n",
    "unsigned": f"{banner('unsigned-integer')}3 3 3\n1 2 1\n2 3 2\n3 1 18446744073709551615\n",
    "pattern with weights": f"{banner('pattern', 'symmetric')}3 3 2\n2 1 0.5\n3 2 0.7\n",
    "pattern, skew-symmetric": f"{banner('pattern', 'skew-symmetric')}3 3 2\n2 1\n3 2\n",
    "skew-symmetric": f"{banner('real', 'skew-symmetric')}3 3 2\n2 1 5\n3 2 1\n",
    "hermitian": f"{banner('real', 'hermitian')}3 3 2\n2 1 5\n3 3 4\n",
    "upper and lower half": f"{banner('real', 'symmetric')}3 3 3\n1 2 5\n2 1 4\n3 3 2\n",
    "repeated": f"{REAL}3 3 3\n1 2 3\n1 2 4\n2 3 1\n",
    "exponents": f"{REAL}3 3 2\n1 2 1e2\n2 3 1.5E-03\n",
    "exponents of Fortran": f"{REAL}3 3 3\n1 2 1.0D+00\n2 3 2.0d0\n3 1 1.D0\n",
    "array": f"{banner('real', layout='array')}% dense\n2 2\n1\n0.5\n2\n0\n",
    "array, symmetric": f"{banner('integer', 'symmetric', 'array')}3 3\n1\n2\n3\n4\n5\n6\n",
    "array, skew-symmetric": f"{banner('real', 'skew-symmetric', 'array')}3 3\n1\n2\n3\n",
}


@pytest.mark.parametrize("name", AS_SCIPY)
def test_what_scipy_reads_is_read_with_the_same_result(tmp_path, name):
    path = written(tmp_path, AS_SCIPY[name])
    found = load(path).adjacency.to_scipy().toarray()
    assert (found == scipys(path).astype(np.float32)).all()


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_what_is_packed_is_read_as_scipy_reads_it(tmp_path, suffix, pack):
    path = written(tmp_path, pack(f"{REAL}3 3 2\n1 2 3\n2 3 4\n".encode()), f"g.mtx.{suffix}")
    assert load(path).name == "g"
    assert (load(path).adjacency.to_scipy().toarray() == scipys(path)).all()


def test_random_matrices_are_those_that_scipy_reads(tmp_path):
    drawn = np.random.default_rng(0)
    for index, symmetry in enumerate(("general", "symmetric", "skew-symmetric") * 5):
        dense = np.round(drawn.normal(size=(6, 6)) * (drawn.random((6, 6)) < 0.5), 3)
        dense[0, 1] = 0.125
        dense = {"general": dense, "symmetric": dense + dense.T, "skew-symmetric": dense - dense.T}[symmetry]
        path = tmp_path / f"{index}.mtx"
        scipy.io.mmwrite(path, scipy.sparse.coo_matrix(dense), symmetry=symmetry)
        graph = load(path)
        assert (graph.adjacency.to_scipy().toarray() == scipys(path).astype(np.float32)).all()
        assert graph.directed == (symmetry != "symmetric")


def test_an_exponent_of_fortran_counts_where_scipy_leaves_it_out(tmp_path):
    path = written(tmp_path, f"{REAL}2 2 2\n1 2 1.5D+02\n2 1 2.5d-1\n")
    assert load(path).adjacency.value.tolist() == [150, 0.25]


def test_a_byte_order_mark_is_no_part_of_the_banner(tmp_path):
    assert load(written(tmp_path, f"\ufeff{REAL}2 2 1\n1 2 1\n")).edges == 1


REFUSED = {
    "a word for a value": (f"{REAL}2 2 1\n1 2 3abc\n", "could not convert"),
    "a hexadecimal value": (f"{REAL}2 2 1\n1 2 0x10\n", "could not convert"),
    "too many lines": (f"{REAL}2 2 1\n1 2 3\n2 1 4\n", "1 entries are announced, 2 are there"),
    "sizes of an array": (f"{banner('real', layout='array')}2 2\n1\n2\n3\n", "4 entries are announced, 3 are there"),
    "a large array": (f"{banner('real', 'symmetric', 'array')}1000000 1000000\n1\n", "500000500000 entries are announced"),
    "a pattern array": (f"{banner('pattern', layout='array')}1 1\n", "must be real, integer or pattern"),
    "a vector": ("%%MatrixMarket vector coordinate real general\n3 1\n2 5\n", "line 1 must be"),
    "a size too many": (f"{REAL}2 2 1 7\n1 2 3\n", "3 sizes of 0 or more must stand behind the comments"),
    "no sizes": (f"{REAL}% comment\n", "3 sizes of 0 or more must stand behind the comments"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_scipy_does_not_read_right_is_refused_in_one_line(tmp_path, name):
    text, reason = REFUSED[name]
    with pytest.raises(GraphError, match=reason) as caught:
        load(written(tmp_path, text))
    assert str(caught.value).isprintable()
