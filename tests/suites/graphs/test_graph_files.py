import bz2
import gzip
import io
import json
import struct
import zlib

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from rsc_bench.suites.graphs import GraphError, load
from rsc_bench.suites.graphs.formats import limits

# Nodes 0-1 and 1-2 linked both ways.
PATH = scipy.sparse.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float64))
HEADER = "%%MatrixMarket matrix coordinate real general\n"


def dense(graph):
    return graph.adjacency.to_scipy().toarray()


def write(path, text):
    path.write_text(text)
    return path


def save_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def cora_parts(**changed):
    parts = {f"adj_{name}": getattr(PATH, name) for name in ("data", "indices", "indptr", "shape")}
    attributes = scipy.sparse.csr_matrix(np.eye(3, 2))
    parts |= {f"attr_{name}": getattr(attributes, name) for name in ("data", "indices", "indptr", "shape")}
    return parts | {"labels": np.array([0, 1, 1])} | changed


def save_mat(path, **changed):
    info = np.array([[1, 1, 7], [1, 2, 8], [2, 0, 7]], dtype=np.uint16)
    scipy.io.savemat(path, {"A": PATH.tocsc(), "local_info": info} | changed, do_compression=True)
    return path


def test_matrix_market_real_values_are_kept_and_the_name_is_the_stem(tmp_path):
    graph = load(write(tmp_path / "weights.mtx", f"{HEADER}2 2 2\n1 2 0.5\n2 1 2\n"))
    assert (graph.name, graph.directed, graph.labels, graph.features) == ("weights", True, None, None)
    assert dense(graph).tolist() == [[0, 0.5], [2, 0]]


def test_matrix_market_pattern_symmetric_has_both_directions_no_values_and_its_self_loop(tmp_path):
    text = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 3\n2 1\n3 2\n3 3\n"
    graph = load(write(tmp_path / "p.mtx", text))
    assert graph.adjacency.value is None
    assert not graph.directed
    assert dense(graph).tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 1]]


def test_gzipped_matrix_market_is_the_same_graph(tmp_path):
    plain = write(tmp_path / "g.mtx", f"{HEADER}2 2 1\n1 2 1\n")
    zipped = tmp_path / "g.mtx.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert load(zipped).name == "g"
    assert load(zipped).digest == load(plain).digest


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_scipy_npz_in_any_layout(tmp_path, layout):
    path = tmp_path / f"{layout}.npz"
    scipy.sparse.save_npz(path, PATH.asformat(layout))
    assert (dense(load(path)) == PATH.toarray()).all()
    assert load(path).adjacency.value is None


def test_the_layout_of_cora_becomes_symmetric_with_features_and_labels(tmp_path):
    one_way = scipy.sparse.triu(PATH).tocsr()
    parts = {f"adj_{name}": getattr(one_way, name) for name in ("data", "indices", "indptr", "shape")}
    graph = load(save_npz(tmp_path / "tiny.npz", **cora_parts(**parts)))
    assert (dense(graph) == PATH.toarray()).all()
    assert not graph.directed
    assert graph.features.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert graph.labels.tolist() == [0, 1, 1]
    assert graph.classes == 2


def test_linkx_labels_are_gender_unless_another_column_is_asked_for_and_zero_is_missing(tmp_path):
    path = save_mat(tmp_path / "School1.mat")
    gender, status = load(path), load(f"{path}#0")
    assert (gender.name, status.name) == ("School1", "School1#0")
    assert gender.labels.tolist() == [0, 1, -1]
    assert status.labels.tolist() == [0, 0, 1]
    # Columns status {1, 2} and major {7, 8}, one-hot.
    assert gender.features.tolist() == [[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]]


def test_an_edge_list_with_features_and_labels_beside_it(tmp_path):
    path = write(tmp_path / "tiny_edges.csv", "id_1,id_2\n0,1\n1,2\n2,1\n")
    (tmp_path / "tiny_features.json").write_text(json.dumps({"0": [1], "2": [0, 2]}))
    (tmp_path / "tiny_target.csv").write_text('id,name,kind\n1,"b, c",shop\n0,a,club\n2,d,\n3,e,shop\n')
    graph = load(path)
    assert (graph.name, graph.nodes, graph.directed) == ("tiny_edges", 4, False)
    assert dense(graph)[:3, :3].tolist() == PATH.toarray().tolist()
    assert graph.labels.tolist() == [0, 1, -1, 1]
    assert graph.features.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert load(f"{path}#name").classes == 4


def test_an_edge_list_without_header_and_features_in_csv(tmp_path):
    path = write(tmp_path / "bare.csv", "0,1\n1,2\n")
    (tmp_path / "bare_features.csv").write_text("id,x,y\n2,5,6\n0,1,2\n1,3,4\n")
    graph = load(path)
    assert (dense(graph) == PATH.toarray()).all()
    assert graph.features.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert graph.labels is None


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path / "a.csv", "0,1\n")
    assert load(path).nodes == 2
    write(path, "0,1\n1,22\n")
    assert load(path).nodes == 23


def bad_scipy(path, **changed):
    parts = {"format": b"csr", "data": PATH.data, "indices": PATH.indices, "indptr": PATH.indptr, "shape": PATH.shape}
    return save_npz(path, **(parts | changed))


TEXTS = {
    "empty.mtx": ("", "this one is empty"),
    "word.mtx": ("hello\n", "cannot be read as Matrix Market"),
    "cut.mtx": (f"{HEADER}3 3 3\n1 2 1\n", "cut short or damaged"),
    "square.mtx": (f"{HEADER}2 3 1\n1 2 1\n", "must be square \\(got 2 x 3\\)"),
    "nan.mtx": (f"{HEADER}2 2 2\n1 2 nan\n2 1 1\n", "values must be finite \\(got nan"),
    "inf.mtx": (f"{HEADER}2 2 2\n1 2 inf\n2 1 1\n", "values must be finite \\(got inf"),
    "range.mtx": (f"{HEADER}2 2 1\n1 5 1\n", "integers from 1 to 2 \\(got 5\\)"),
    "zero.mtx": (f"{HEADER}2 2 1\n0 1 1\n", "integers from 1 to 2 \\(got 0\\)"),
    "minus.mtx": (f"{HEADER}2 2 1\n1 -1 1\n", "integers from 1 to 2 \\(got -1\\)"),
    "complex.mtx": ("%%MatrixMarket matrix coordinate complex general\n2 2 1\n1 2 1 0\n", "must be real, integer or pattern"),
    "none.mtx": (f"{HEADER}2 2 0\n", "at least one edge"),
    "huge.mtx": (f"{HEADER}2000000000 2000000000 1\n1 2 1\n", "at most 268,435,456 nodes"),
    "claims.mtx": (f"{HEADER}3 3 99999999999999\n1 2 1\n", "cut short or damaged"),
    "loops.mtx": ("%%MatrixMarket matrix array real general\n2 2\n1\n0\n0\n1\n", "at least one edge between two nodes"),
    "layout.mtx": ("%%MatrixMarket matrix banded real general\n2 2\n1\n", "'coordinate' or 'array' \\(got 'banded'\\)"),
    "word.csv": ("id_1,id_2\n0,1\n1,x\n", "line 3 must be two integers.*'1,x'"),
    "float.csv": ("0,1\n1,2.5\n", "line 2 must be two integers"),
    "short.csv": ("0,1\n1\n", "line 2 must be two integers"),
    "wide.csv": ("0,1,2\n1,2,3\n", "two columns, id_1,id_2 \\(got 3\\)"),
    "minus.csv": ("0,1\n-1,2\n", "node ids must lie in .*got -1 to 2"),
    "big.csv": ("0,1\n99999999999,2\n", "node ids must lie in"),
    "over.csv": ("0,1\n99999999999999999999999,2\n", "over.csv: "),
    "header.csv": ("id_1,id_2\n", "at least one edge"),
    "loops.csv": ("0,0\n1,1\n", "at least one edge between two nodes"),
    "graph.gml": ("graph []", "must end in .csv, .mat, .mtx, .mtx.bz2, .mtx.gz, .npz \\(got '.gml'\\)"),
    "text.npz": ("no zip", "cannot be read as an .npz archive"),
    "text.mat": ("no mat, but longer than the header of one " * 9, "cannot be read as a MATLAB file"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_text_file_is_one_line_with_its_path(tmp_path, name):
    text, summary = TEXTS[name]
    path = write(tmp_path / name, text)
    with pytest.raises(GraphError, match=summary) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


NPZ = {
    "range": (lambda p: bad_scipy(p, indices=np.array([1, 0, 7, 1])), "indices must lie in \\[0, 3\\) \\(got 0 to 7\\)"),
    "negative": (lambda p: bad_scipy(p, indices=np.array([1, 0, -2, 1])), "indices must lie in \\[0, 3\\) \\(got -2 to 1\\)"),
    "indptr": (lambda p: bad_scipy(p, indptr=np.array([0, 3, 1, 4])), "indptr must rise"),
    "nan": (lambda p: bad_scipy(p, data=np.array([1, np.nan, 1, 1])), "values must be finite"),
    "complex": (lambda p: bad_scipy(p, data=PATH.data + 1j), "values must be real numbers"),
    "objects": (lambda p: bad_scipy(p, data=np.array([1, None, 1, 1])), "pickled Python objects, which are never loaded"),
    "square": (lambda p: bad_scipy(p, shape=(3, 9)), "must be square \\(got 3 x 9\\)"),
    "other": (
        lambda p: save_npz(p, edge_index=np.ones((2, 3)), x=np.ones(3)),
        r"known for .npz files \(got 'edge_index, x'\): write it as one of these \(.*save_npz, say of coo_matrix\(",
    ),
    "cora-labels": (
        lambda p: save_npz(p, **cora_parts(labels=np.zeros(5, int))),
        "labels must be given for each of 3 nodes \\(got 5\\)",
    ),
    "cora-float": (lambda p: save_npz(p, **cora_parts(labels=np.ones(3) / 2)), "labels must be integers"),
    "cora-rows": (
        lambda p: save_npz(p, **cora_parts(attr_shape=(2, 2), attr_indptr=np.array([0, 1, 2]))),
        "features must be given for each of 3 nodes \\(got 2\\)",
    ),
    "cora-column": (lambda p: save_npz(p, **cora_parts(attr_indices=np.array([0, 9]))), "indices must lie in \\[0, 2\\)"),
    "cora-wide": (lambda p: save_npz(p, **cora_parts(attr_shape=(3, 10**10))), "may hold at most 4,294,967,296 bytes"),
    "cora-part": (lambda p: save_npz(p, adj_data=np.ones(3)), "cut short or damaged"),
    "cora-objects": (lambda p: save_npz(p, **cora_parts(labels=np.array([0, None, 1]))), "pickled Python objects"),
}


@pytest.mark.parametrize("name", NPZ)
def test_a_bad_npz_is_one_line_with_its_path(tmp_path, name):
    make, summary = NPZ[name]
    path = make(tmp_path / f"{name}.npz")
    with pytest.raises(GraphError, match=summary) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_pickle_is_run_from_an_npz(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, ("raise SystemExit('the pickle ran')",)

    objects = np.array([Evil()] * 4, dtype=object)
    with pytest.raises(SystemExit, match="the pickle ran"):
        np.load(save_npz(tmp_path / "trusted.npz", data=objects), allow_pickle=True)["data"]
    for path in (bad_scipy(tmp_path / "evil.npz", data=objects), save_npz(tmp_path / "cora.npz", **cora_parts(adj_data=objects))):
        with pytest.raises(GraphError, match="pickled Python objects, which are never loaded"):
            load(path)


MATS = {
    "no-table": ({"local_info": np.array(["a", "b", "c"])}, "local_info must be a table of integers"),
    "dense": ({"A": np.eye(3)}, "holds a sparse A and a local_info"),
    "rows": ({"local_info": np.ones((5, 3), np.uint16)}, "features must be given for each of 3 nodes \\(got 5\\)"),
    "square": ({"A": scipy.sparse.csc_matrix(np.ones((3, 4)))}, "must be square \\(got 3 x 4\\)"),
    "nan": ({"A": PATH.tocsc() * np.nan}, "values must be finite"),
}


@pytest.mark.parametrize("name", MATS)
def test_a_bad_mat_is_one_line(tmp_path, name):
    changed, summary = MATS[name]
    with pytest.raises(GraphError, match=summary):
        load(save_mat(tmp_path / f"{name}.mat", **changed))


@pytest.mark.parametrize("option", ["3", "-1", "year"])
def test_a_label_column_that_is_not_there_is_one_line(tmp_path, option):
    with pytest.raises(GraphError, match=rf"label column behind # must lie in \[0, 3\) \(got '{option}'\)"):
        load(f"{save_mat(tmp_path / 'm.mat')}#{option}")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["mat", "npz", "mtx.gz"])
def test_a_truncated_file_is_one_line(tmp_path, kind, share):
    whole = tmp_path / f"whole.{kind}"
    if kind == "mat":
        save_mat(whole)
    elif kind == "npz":
        scipy.sparse.save_npz(whole, PATH)
    else:
        whole.write_bytes(gzip.compress(f"{HEADER}9 9 3\n1 2 1\n2 1 0.123456\n3 4 0.56789\n".encode()))
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(GraphError, match="cut short or damaged"):
        load(path)


@pytest.mark.parametrize("kind", ["mat", "npz", "cora.npz", "mtx", "mtx.gz", "csv"])
def test_what_grows_past_the_limit_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(limits, "MOST_BYTES", 20_000)
    path = tmp_path / f"bomb.{kind}"
    zeros = scipy.sparse.csr_matrix(np.ones((100, 100)))
    if kind == "mat":
        save_mat(path, A=zeros.tocsc(), local_info=np.ones((100, 3), np.uint16))
        assert path.stat().st_size < 20_000
    elif kind.endswith("npz"):
        save = {
            "npz": lambda: scipy.sparse.save_npz(path, zeros),
            "cora.npz": lambda: np.savez_compressed(path, adj_data=np.zeros(9_999)),
        }
        save[kind]()
        assert path.stat().st_size < 20_000
    else:
        text = f"{HEADER}9 9 9000\n" + "1 2 1\n" * 9_000 if kind != "csv" else "0,1\n" * 9_000
        path.write_bytes(gzip.compress(text.encode()) if kind == "mtx.gz" else text.encode())
    with pytest.raises(GraphError, match="may hold at most 20,000 bytes once decompressed"):
        load(path)


@pytest.mark.parametrize("kind", ["mat", "npz", "mtx.gz", "mtx.bz2"])
def test_a_small_file_may_not_unpack_to_much_however_much_a_large_one_may(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000)
    path = tmp_path / f"bomb.{kind}"
    if kind == "mat":
        save_mat(path, A=PATH.tocsc(), local_info=np.ones((100_000, 3), np.uint16))
    elif kind == "npz":
        np.savez_compressed(path, adj_data=np.zeros(1_000_000))
    else:
        text = HEADER + "% \n" * 1_000_000
        path.write_bytes({"gz": gzip, "bz2": bz2}[kind.removeprefix("mtx.")].compress(text.encode()))
    with pytest.raises(
        GraphError, match=f"at most {1_000 + 64 * path.stat().st_size:,} bytes once decompressed .*or do not pack it"
    ):
        load(path)


def test_a_mat_that_claims_little_but_inflates_to_much_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 2**20)
    many = 40 * 2**20
    bomb = zlib.compress(struct.pack("<IIII", 14, many + 8, 2, many) + bytes(many), 9)
    path = tmp_path / "bomb.mat"
    path.write_bytes(bytes(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(bomb)) + bomb)
    monkeypatch.setattr("scipy.io.loadmat", lambda *args, **kwargs: pytest.fail("was read"))
    with pytest.raises(GraphError, match="may hold at most 1,048,576 bytes"):
        load(path)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_mat_element_of_unknown_type_never_reaches_the_reader(tmp_path, monkeypatch, compressed):
    # SciPy's reader looks the type up in an array without a bound and crashes the process.
    element = struct.pack("<IIII", 14, 8, 255, 0)
    packed = zlib.compress(element)
    path = tmp_path / "type.mat"
    path.write_bytes(bytes(124) + b"\x00\x01IM" + (struct.pack("<II", 15, len(packed)) + packed if compressed else element))
    monkeypatch.setattr("scipy.io.loadmat", lambda *args, **kwargs: pytest.fail("was read"))
    with pytest.raises(GraphError, match="an element has type 255"):
        load(path)


def test_a_gzip_member_after_another_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 1_000)
    path = tmp_path / "two.mtx.gz"
    path.write_bytes(gzip.compress(f"{HEADER}9 9 300\n".encode()) + gzip.compress(b"1 2 1\n" * 300))
    with pytest.raises(GraphError, match="may hold at most 1,000 bytes"):
        load(path)


BESIDE = {
    "features.json": ('{"0": [1], "7": [2]}', "node ids must lie in \\[0, 3\\)"),
    "features.csv": ("id,x\n0,1\n1,2\n", "features must be given for each of 3 nodes \\(got 2\\)"),
    "target.csv": ("id,kind\n0,a\n1,b\n", "indices must lie in \\[0, 2\\) \\(got .* to 2\\)"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_must_fit_the_nodes(tmp_path, name):
    text, summary = BESIDE[name]
    write(tmp_path / f"x_{name}", text)
    with pytest.raises(GraphError, match=summary):
        load(write(tmp_path / "x_edges.csv", "0,1\n1,2\n"))


CELLS = {
    "features.json": ('{"0": [1', "cannot be read as JSON"),
    "features.csv": ("id,x\n0,1\n1,b\n2,3\n", "features must be numbers"),
    "target.csv": ("id,kind\n0,a\n1,b\n1,c\n", "every id must be given once"),
}


@pytest.mark.parametrize("name", CELLS)
def test_damage_in_what_stands_beside_names_that_file(tmp_path, name):
    text, summary = CELLS[name]
    beside = write(tmp_path / f"x_{name}", text)
    with pytest.raises(GraphError, match=summary) as caught:
        load(write(tmp_path / "x_edges.csv", "0,1\n1,2\n"))
    assert str(beside) in str(caught.value)


def test_a_path_that_is_no_file_is_one_line(tmp_path):
    with pytest.raises(GraphError, match="no such file"):
        load(tmp_path / "absent.mtx")
    with pytest.raises(GraphError, match="this is a folder"):
        load(tmp_path)
    with pytest.raises(GraphError, match="takes no option behind"):
        load(f"{write(tmp_path / 'g.mtx', f'{HEADER}2 2 1')}#5")


def test_a_file_of_noise_is_one_line(tmp_path):
    noise = np.random.default_rng(0)
    for kind in ("mtx", "mtx.gz", "npz", "mat", "csv"):
        path = tmp_path / f"noise.{kind}"
        path.write_bytes(io.BytesIO(noise.bytes(3_000)).getvalue())
        with pytest.raises(GraphError, match="noise"):
            load(path)
