"""What is particular to the kernels of other libraries; what they all must do is in the contract."""

import contextlib
import sys
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import torch
from made_matrices import array, dense, jagged, with_rowptr

from rsc_bench.kernels import Csr, Unsupported
from rsc_bench.kernels.exact import cupy, dgl, mkl_inspected, pyg_gather_scatter, pyg_spmm, sddmm_dgl, sddmm_numba, turbo_gnn
from rsc_bench.optional import OPTIONAL
from rsc_bench.plugins import load

BASELINES = {name: kernel for name, kernel in load("kernel").items() if (kernel.role, kernel.operation) == ("baseline", "spmm")}
PACKAGES = {
    cupy: "cupy",
    dgl: "dgl",
    mkl_inspected: "sparse_dot_mkl",
    pyg_gather_scatter: "torch_geometric",
    pyg_spmm: "torch_geometric",
    sddmm_dgl: "dgl",
    sddmm_numba: "numba",
    turbo_gnn: "turbo_gnn",
}


def test_the_baselines_are_those_of_libraries_that_people_have():
    on_cpu = {"dgl", "mkl_inspected", "pyg_gather_scatter", "pyg_spmm", "scipy"}
    assert set(BASELINES) == on_cpu | {"cupy", "pyg_gather_scatter_cuda", "pyg_spmm_cuda", "turbo_gnn"}
    assert {name for name, kernel in BASELINES.items() if kernel.device == "cpu"} == on_cpu


@pytest.mark.parametrize("module", PACKAGES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_library_that_is_not_installed_is_the_reason_with_the_way_to_get_it(module, monkeypatch):
    package = PACKAGES[module]
    monkeypatch.setattr("rsc_bench.optional.find_spec", lambda name: None if name == package else pytest.fail("looked elsewhere"))
    kernels = (module.KERNEL,) if hasattr(module, "KERNEL") else module.KERNELS
    assert {kernel.why_not() for kernel in kernels} == {f"{package} is not installed: {OPTIONAL[package]}"}


@pytest.mark.parametrize(("torch_version", "reason"), [("2.2.1+cpu", None), ("2.13.0", "2.13.0, it is built for 2.2.0, 2.2.1")])
def test_dgl_from_2_on_imports_beside_the_versions_of_torch_that_it_has_a_library_for(tmp_path, monkeypatch, torch_version, reason):
    folder = tmp_path / "dgl"
    (folder / "graphbolt").mkdir(parents=True)
    for version in ("2.2.0", "2.2.1"):
        (folder / "graphbolt" / f"libgraphbolt_pytorch_{version}.so").touch()
    spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr("rsc_bench.optional.find_spec", lambda name: spec)
    monkeypatch.setattr(dgl, "find_spec", lambda name: spec)
    monkeypatch.setattr(torch, "__version__", torch_version)
    found = dgl.missing()
    assert found is None if reason is None else found == f"dgl does not import beside torch {reason}: {OPTIONAL['dgl']}"


def test_dgl_before_2_has_no_library_for_one_version_of_torch(tmp_path, monkeypatch):
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("rsc_bench.optional.find_spec", lambda name: spec)
    monkeypatch.setattr(dgl, "find_spec", lambda name: spec)
    assert dgl.missing() is None


@pytest.mark.skipif(mkl_inspected.missing() is not None, reason=str(mkl_inspected.missing()))
def test_mkl_s_handle_is_given_back_with_the_product(monkeypatch):
    given_back = []
    monkeypatch.setattr(mkl_inspected._interface(), "_destroy_mkl_handle", given_back.append)
    product = mkl_inspected.Inspected(jagged(), 3, torch.float32)
    assert not given_back
    del product
    assert len(given_back) == 1


def test_mkl_that_is_there_without_its_library_says_so(monkeypatch):
    monkeypatch.setattr("rsc_bench.optional.find_spec", lambda name: object())
    monkeypatch.setattr(mkl_inspected, "_installed_library", lambda: None)
    monkeypatch.setattr(mkl_inspected, "find_library", lambda name: None)
    monkeypatch.delenv("MKL_RT", raising=False)
    assert mkl_inspected.missing() == "MKL's library mkl_rt is not found: pip install mkl, or name it by MKL_RT"


@pytest.fixture
def stand_in(monkeypatch):
    """In the place of CuPy, which needs a GPU: NumPy and SciPy, whose interface it has; the product is by columns, as CuPy's is."""

    class Matrix(scipy.sparse.csr_matrix):
        def __matmul__(self, other):
            return np.asfortranarray(super().__matmul__(other))

    stream = SimpleNamespace(ExternalStream=lambda pointer: contextlib.nullcontext())
    modules = {"cupy": ModuleType("cupy"), "cupyx": ModuleType("cupyx")}
    modules |= {name: ModuleType(name) for name in ("cupyx.scipy", "cupyx.scipy.sparse")}
    vars(modules["cupy"]).update(from_dlpack=np.from_dlpack, cuda=stream)
    vars(modules["cupyx.scipy.sparse"]).update(csr_matrix=Matrix)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=0))


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_cupy_is_given_the_matrix_and_the_operand(weighted, reduce):
    matrix, operand = jagged(weighted), dense(9, 3)
    found = cupy.prepare(matrix, 3, torch.float32, reduce)(operand)
    count = np.maximum(matrix.row_nnz.numpy(), 1)[:, None] if reduce == "mean" else 1
    np.testing.assert_allclose(found, array(matrix) @ operand.double().numpy() / count, rtol=1e-5, atol=1e-6)
    assert found.dtype is torch.float32


@pytest.mark.usefixtures("stand_in")
def test_cupy_says_what_it_does_not_multiply():
    with pytest.raises(Unsupported, match=r"float32 and float64 \(got torch.bfloat16\)"):
        cupy.prepare(jagged(), 3, torch.bfloat16)
    with pytest.raises(Unsupported, match="int32 indices alone"):
        cupy.prepare(with_rowptr(jagged(), torch.int64), 3, torch.float32)


def square(weighted=False):
    """3 x 3, with a value for each entry or without, and an empty row."""
    rows = scipy.sparse.csr_matrix(np.array([[0.0, 2.0, 0.5], [0.0, 0.0, 0.0], [1.0, 0.0, -4.0]]))
    return Csr.from_scipy(rows, weighted=weighted)


@pytest.fixture
def turbo(monkeypatch):
    """In the place of turbo-gnn, which needs a GPU: what its functions are said to compute, from what they are given."""

    def multiply(rowptr, col, dense, value=None):
        data = np.ones(len(col)) if value is None else value.numpy()
        return torch.from_numpy(scipy.sparse.csr_matrix((data, col, rowptr), (3, 3)) @ dense.numpy()).float()

    def aggregate(graph, dense, reduce):
        rowptr, col, back_rowptr, back_col, dtype = graph
        forward, back = (
            scipy.sparse.csr_matrix((np.ones(len(of)), of, start), (3, 3)) for start, of in ((rowptr, col), (back_rowptr, back_col))
        )
        assert (forward != back.T).nnz == 0
        assert dtype is rowptr.dtype is torch.int32
        of = {"max": torch.amax, "min": torch.amin}[reduce]
        rows = [dense[col[start:end].long()] for start, end in pairwise(rowptr)]
        return torch.stack([of(row, 0) if len(row) else torch.zeros(dense.shape[1]) for row in rows])

    module, graphs = ModuleType("turbo_gnn"), SimpleNamespace(from_csr=lambda *parts, index_dtype: (*parts, index_dtype))
    vars(module).update(csr_SPMM_normalized=multiply, reduction_aggr=aggregate, AdjacencyForwardBackwardWithNodeBuckets=graphs)
    monkeypatch.setitem(sys.modules, "turbo_gnn", module)
    monkeypatch.setattr(turbo_gnn, "_NEVER_FREED", [])


@pytest.mark.usefixtures("turbo")
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_turbo_gnn_is_given_the_matrix_and_the_operand(weighted, reduce):
    matrix, operand = square(weighted), dense(3, 4)
    found = turbo_gnn.prepare(matrix, 4, torch.float32, reduce)(operand)
    count = np.array([[2.0], [1.0], [2.0]]) if reduce == "mean" else 1
    np.testing.assert_allclose(found, array(matrix) @ operand.numpy() / count, rtol=1e-6)


@pytest.mark.usefixtures("turbo")
@pytest.mark.parametrize(("reduce", "of"), [("max", np.maximum), ("min", np.minimum)])
def test_turbo_gnn_is_given_the_graph_of_an_extremum_and_its_transpose(reduce, of):
    operand = dense(3, 4)
    found = turbo_gnn.prepare(square(), 4, torch.float32, reduce)(operand)
    one, two, three = operand.numpy()
    np.testing.assert_array_equal(found, [of(two, three), np.zeros(4), of(one, three)])


@pytest.mark.usefixtures("turbo")
def test_what_turbo_gnn_keeps_a_matrix_by_is_never_freed():
    matrices = [square(True), square(True)]
    for matrix in matrices:
        turbo_gnn.prepare(matrix, 4, torch.float32)
    addresses = {part.data_ptr() for indices in turbo_gnn._NEVER_FREED for part in indices}
    assert len(addresses) == 4
    assert not addresses & {part.data_ptr() for matrix in matrices for part in (matrix.rowptr, matrix.col)}


@pytest.mark.usefixtures("turbo")
@pytest.mark.parametrize(
    ("matrix", "dtype", "reduce", "reason"),
    [
        (square(), torch.bfloat16, "sum", r"in float32 \(got torch.bfloat16\)"),
        (with_rowptr(square(), torch.int64), torch.float32, "sum", "got int64 row offsets"),
        (jagged(), torch.float32, "sum", r"square \(got \(13, 9\), 21 edges\)"),
        (square(True), torch.float32, "max", "turbo-gnn's max has no weights"),
    ],
    ids=["dtype", "offsets", "shape", "weights"],
)
def test_turbo_gnn_says_what_it_does_not_aggregate(matrix, dtype, reduce, reason):
    with pytest.raises(Unsupported, match=reason):
        turbo_gnn.prepare(matrix, 4, dtype, reduce)
