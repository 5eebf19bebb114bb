"""A kernel that is wrong in any way gets a record that says so, and leaves what others multiply as it was."""

import dataclasses
from time import sleep

import numpy as np
import pytest
import torch

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.kernels import Csr, Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.sampled.compose import Sampling, compose
from rsc_bench.plugins import find
from rsc_bench.precision import PRECISIONS
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Choice
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.checks import Kept, where
from rsc_bench.suites.spmm.fingerprint import Fingerprint, sums
from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.probe import ProductProbe
from rsc_bench.suites.spmm.sites import sites
from rsc_bench.suites.spmm.store import Store
from rsc_bench.suites.spmm.work import ready

LIMITS = Limits(precision=1e-9, time_s=0.05, warmup_s=0.005)
CASE = Setting("exact", "small:hub", "small:hub", 8, Choice("mine"), None, "float32", "sum", "cpu", "host").case()


@pytest.fixture(scope="module")
def store():
    return Store()


def kernel(act, name="mine"):
    """A right kernel, but for what `act` makes of each product: it gets the right one, the operand, the matrix and a note book."""

    def prepare(matrix, width, dtype, reduce="sum"):
        multiply, noted = torch_reduce.prepare(matrix, width, dtype, reduce), {"calls": 0}

        def call(dense):
            noted["calls"] += 1
            return act(lambda: multiply(dense), dense, matrix, noted)

        return call

    return Kernel(name, "cpu", "Bad on purpose.", prepare)


def record_of(kernel, store, dtype=torch.float32, graph="small:hub"):
    product = Product(store.graph(graph), 8, dtype)
    return attempt(CASE, lambda: ready(product, kernel, store), devices.clock("host"), LIMITS)


def remember(product, dense, matrix, noted):
    if "kept" not in noted:
        noted["kept"] = product()
    return noted["kept"].clone()


def remember_by_operand(product, dense, matrix, noted):
    return noted.setdefault(dense.data_ptr(), product()).clone()


def work_out_what_differs(product, dense, matrix, noted):
    before = noted.get("dense")
    if before is None or int((before != dense).sum()) > 4:
        sleep(0.06)
    noted["dense"] = dense.clone()
    return product()


def three_buffers(product, dense, matrix, noted):
    made = product()
    buffers = noted.setdefault("buffers", [np.empty(made.shape, dtype=np.float32) for _ in range(3)])
    return torch.from_numpy(buffers[noted["calls"] % 3]).copy_(made)


class Later(torch.Tensor):
    """A tensor that may compute when it is looked at."""


def late(product, dense, matrix, noted):
    return product().as_subclass(Later) if noted["calls"] > 3 else product()


def change_a_check(product, dense, matrix, noted):
    torch.equal = lambda *_: True
    return product()


def wrong_in_the_seventh_call(product, dense, matrix, noted):
    return product() + (noted["calls"] == 7)


def clamp(product, dense, matrix, noted):
    dense.clamp_(min=0)
    return product()


def clamp_later(product, dense, matrix, noted):
    result = product()
    dense[3] += 1e-3
    return result


def change_matrix(product, dense, matrix, noted):
    result = product()
    matrix.col[0] = matrix.col[0] + 1
    return result


def change_matrix_late(product, dense, matrix, noted):
    """Changes it where the kernel has no copy, and behind the first checks."""
    if noted["calls"] > 4:
        matrix.col[:] = 0
    return product() * (noted["calls"] < 6)


def change_transpose(product, dense, matrix, noted):
    result = product()
    matrix.transpose().col[:1].add_(1)
    return result


def one_buffer(product, dense, matrix, noted):
    return noted.setdefault("buffer", torch.empty_like(dense)).copy_(product())


def into_the_operand(product, dense, matrix, noted):
    result = product()
    return dense.view(-1)[: result.numel()].view_as(result).copy_(result)


def leave_unwritten(product, dense, matrix, noted):
    result = torch.empty_like(dense)
    filled = matrix.row_nnz > 0
    result[filled] = product()[filled]
    return result


def change_threads(product, dense, matrix, noted):
    torch.set_num_threads(torch.get_num_threads() + 1)
    return product()


def to_nan(product, dense, matrix, noted):
    result = product()
    result[2, 1] = float("nan")
    return result


# 2 u of the values and u of the result, and 8 sqrt(299 + 4) (u + 2**-53) of the sums of the hub's row, with u = 2**-24.
ERROR = "relative error against float64 must be at most 8.48e-06"
FOLLOWS = "result must follow its operand in every call: in "
BAD = {
    remember: FOLLOWS,
    remember_by_operand: FOLLOWS,
    wrong_in_the_seventh_call: FOLLOWS + "1 of ",
    clamp: "changed its operand (the dense one)",
    clamp_later: "changed its operand (the dense one)",
    change_matrix: "changed its operand (col of the matrix",
    change_matrix_late: "changed its operand (",
    change_transpose: "changed its operand (transposed col of the matrix)",
    one_buffer: "result must have memory of its own (it shares that of an earlier result)",
    into_the_operand: "changed its operand (the dense one)",
    change_threads: "changed the threads of torch (",
    change_a_check: "changed functions of others (torch.equal)",
    three_buffers: "result must have memory of its own (a later call wrote into that of an earlier result)",
    late: "result must be a plain tensor (got Later)",
    work_out_what_differs: "result must be computed in every call: where the whole operand is new one takes 0.0",
    to_nan: f"{ERROR} (got nan): 1 of 300 rows (2), 1 of 8 columns (1), worst at [2, 1]",
    (lambda product, *_: product().double()): "result must be of the operand's dtype, float32 (got float64)",
    (lambda product, *_: product()[:-1]): "result must have shape (300, 8) (got (299, 8))",
    (lambda product, *_: product().to_sparse()): "result must be dense and on cpu (got sparse_coo on cpu)",
    (lambda product, *_: product().numpy()): "result must be a tensor (got ndarray)",
    (lambda product, *_: product() * 2): f"{ERROR} (got 1): 300 of 300 rows (0, 1, 2, ...), 8 of 8 columns",
}


@pytest.mark.parametrize(("act", "reason"), BAD.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_kernel_that_is_bad_on_purpose_is_wrong_with_the_reason(store, act, reason):
    record = record_of(kernel(act), store)
    assert record.status == "wrong"
    assert record.reason.startswith(reason)


@pytest.mark.parametrize("act", [clamp, change_matrix, change_transpose, change_threads, into_the_operand])
def test_what_a_kernel_changed_is_as_it_was_for_the_next(act):
    store = Store()
    right = kernel(lambda product, *_: product())
    before = record_of(right, store).measurement.accuracy
    record_of(kernel(act), store)
    after = record_of(right, store)
    assert (after.status, after.measurement.accuracy) == ("ok", before)


@pytest.mark.skipif(not __import__("sys").platform.startswith("linux"), reason="only glibc fills what it hands out")
def test_a_row_that_is_never_written_is_seen(store):
    record = record_of(kernel(leave_unwritten), store, graph="small:empty-rows")
    assert record.status == "wrong"
    assert record.reason.startswith("relative error against float64 must be at most")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("graph", ["small:random", "small:hub", "small:empty-rows", "small:directed"])
def test_a_right_kernel_passes_every_look(store, dtype, graph):
    assert record_of(find("kernel", "rows_numba"), store, dtype, graph).status == "ok"


@pytest.mark.parametrize("interval", [1, 10])
@pytest.mark.parametrize("selection", ["topk", "random", "importance", "edges_uniform", "edges_degree"])
def test_a_sampled_kernel_is_expected_to_give_the_pairs_that_it_chose(store, selection, interval):
    sampled = compose(find("selection", selection), find("kernel", "rows_numba"), Sampling(0.3, interval))
    assert record_of(sampled, store).status == "ok"


def test_no_operand_comes_twice_so_that_none_can_be_remembered(store):
    work = ready(Product(store.graph("small:hub"), 8, torch.float32), find("kernel", "mkl"), store)()
    seen = set()
    for _ in range(2):  # two cases of one process
        probe = work.probe(work)
        for _ in range(100):
            probe.change()
            seen.add(work._dense.numpy().tobytes())
            probe()
            probe.look()
    assert len(seen) == 200


@pytest.mark.parametrize("selection", ["topk", "edges_strided"])
def test_remembering_within_one_selection_is_seen(store, selection):
    sampled = compose(find("selection", selection), kernel(remember), Sampling(0.5, 10))
    record = record_of(sampled, store)
    assert record.status == "wrong"
    assert record.reason.startswith(FOLLOWS)


def test_working_out_what_differs_within_one_selection_is_seen(store):
    record = record_of(compose(find("selection", "topk"), kernel(work_out_what_differs), Sampling(0.5, 10)), store)
    assert record.status == "wrong"
    assert record.reason.startswith("result must be computed in every call: ")


def test_the_operand_is_put_back_after_each_look(store):
    product = Product(store.graph("small:hub"), 8, torch.float32)
    work = ready(product, find("kernel", "mkl"), store)()
    probe = work.probe(work)
    before = work._dense.clone()
    for _ in range(40):
        probe.change()
        assert int((work._dense != before).sum()) == 1
        probe()
        probe.look()
        assert torch.equal(work._dense, before)
    probe.judge()


def test_an_entry_that_is_changed_to_nearly_nothing_is_expected_to_give_that(store):
    product = Product(store.graph("small:hub"), 8, torch.float32)
    work = ready(product, find("kernel", "mkl"), store)()
    probe = work.probe(work)
    probe._changed = lambda site: probe._write(site, tiny := -site.old * 2.0**-60) or tiny
    for _ in range(16):
        probe.change()
        probe()
        probe.look()
    probe.judge()


def look_at_all(probe):
    """At every place four times, and once with an operand that is new throughout; raises `Wrong` where one is not right."""
    for _ in range(64):
        probe.change()
        probe()
        probe.look()
    assert probe.renew()
    probe()
    probe.restore()


@pytest.mark.parametrize("reduce", ["max", "min"])
def test_an_extremum_is_checked_and_follows_its_operand_also_with_the_other_sign(store, reduce):
    work = ready(Product(store.graph("small:hub"), 8, torch.float32, reduce), find("kernel", "torch_reduce"), store)()
    assert work.check(work()).accuracy.check_error == 0.0
    probe = work.probe(work)
    look_at_all(probe)
    assert probe._looks == 65


def nothing(product, dense, matrix, noted):
    return torch.zeros_like(product())


@pytest.mark.parametrize("act", [remember, nothing])
def test_an_extremum_that_does_not_follow_is_found(store, act):
    bad = dataclasses.replace(kernel(act), reduces=("max",))
    work = ready(Product(store.graph("small:hub"), 8, torch.float32, "max"), bad, store)()
    probe = work.probe(work)
    for _ in range(16):
        probe.change()
        probe()
        probe.look()
    with pytest.raises(Wrong, match="must follow its operand"):
        probe.judge()


def test_places_are_those_that_entries_multiply_and_their_rows_few(store):
    product = Product(store.graph("small:hub"), 8, torch.float32)
    made = store.operands.make(product)
    scipy = made.matrix.to_scipy().toarray()
    for site in sites(made.matrix, made.dense):
        pair, column = site.place
        assert 1 <= len(site.rows) <= 2
        assert np.all(scipy[site.rows, pair] != 0)
        wanted = scipy[site.rows] @ made.dense.double().numpy()[:, column]
        others, factor, others_size, factor_size = site.sums.reshape(4, -1)
        np.testing.assert_allclose(others + factor * site.old, wanted, rtol=1e-6)  # values that are factors are rounded to float32
        sizes = np.abs(scipy[site.rows]) @ np.abs(made.dense.double().numpy()[:, column])
        np.testing.assert_allclose(others_size + factor_size * abs(site.old), sizes, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "most_again"), [(torch.float32, 0), (torch.bfloat16, 20)])
def test_no_operand_comes_again_so_that_knowing_results_by_heart_pays_nothing(store, dtype, most_again):
    made = store.operands.make(Product(store.graph("small:hub"), 8, dtype))
    operand, seen = made.dense.clone(), set()
    probe = ProductProbe(lambda: operand, operand, sites(made.matrix, made.dense), sampled=None, original=made.dense)
    for _ in range(LIMITS.most):
        probe.change()
        seen.add(operand.view(torch.uint8).numpy().tobytes())
        probe()
        probe.look()
        assert torch.equal(operand, made.dense)
    assert len(seen) >= LIMITS.most - most_again


def test_where_nothing_is_multiplied_nothing_is_changed(store):
    matrix = store.operands.make(Product(store.graph("small:hub"), 8, torch.float32)).matrix
    assert sites(matrix, torch.empty(300, 0)) == []


def test_a_fingerprint_sees_any_one_change_and_an_exchange(store):
    matrix = store.operands.make(Product(store.graph("small:random"), 8, torch.float32)).matrix
    mark = Fingerprint(matrix)
    assert mark.changed() == []
    for change in (lambda col: col[5:6].add_(1), lambda col: col[:2].copy_(col[:2].flip(0).clone()), lambda col: col[-1:].sub_(1)):
        before = matrix.col.clone()
        change(matrix.col)
        assert mark.changed() == ["col"]
        matrix.col.copy_(before)
    assert mark.changed() == []


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float32, torch.float64, torch.bfloat16, torch.bool])
def test_sums_are_of_the_bits_whatever_the_type(dtype):
    tensor = torch.arange(5000).remainder(2).to(dtype)
    other = tensor.clone()
    assert torch.equal(sums(tensor), sums(other))
    other[4321] = 1 - other[4321].int()
    assert not torch.equal(sums(tensor), sums(other))


def test_sums_are_the_same_wherever_the_bits_begin():
    tensor = torch.arange(5001, dtype=torch.int32)
    assert torch.equal(sums(tensor[1:]), sums(tensor[1:].clone()))


@pytest.mark.parametrize("written", [0.0, float("nan"), float("inf"), -1e30])
def test_a_result_that_is_kept_shows_whatever_is_written_into_it(written):
    result = torch.ones(7, 3)
    kept = Kept(result)
    kept.check()
    result[5, 2] = written
    with pytest.raises(Wrong, match="a later call wrote into that of an earlier result"):
        kept.check()
    Kept(torch.ones(0, 3)).check()


def test_where_names_the_rows_the_columns_and_the_worst():
    wanted = np.ones((6, 4))
    found = torch.ones(6, 4)
    found[[1, 2, 4, 5], 3] = 2.0
    found[4, 0] = -7.0
    text = "4 of 6 rows (1, 2, 4, ...), 2 of 4 columns (0, 3), worst at [4, 0], -7 in place of 1"
    assert where(found, wanted, 1e-5) == text


def test_checking_what_is_right_raises_nothing(store):
    work = ready(Product(store.graph("small:hub"), 8, torch.float32), find("kernel", "mkl"), store)()
    work.check_memory()
    work.check_operands()
    with pytest.raises(Wrong):
        work.check(work() + 1)


@pytest.mark.parametrize(
    ("precision", "scale"), [("float64", 1.0), ("float16", 1e-5)], ids=["sums in float64", "factors too small for float16"]
)
def test_a_right_kernel_of_any_class_is_right_in_every_look(store, precision, scale):
    generator = torch.Generator().manual_seed(0)
    made = store.operands.make(Product(store.graph("small:hub"), 8, torch.float32))
    values = scale * torch.rand(made.matrix.nnz, generator=generator)
    matrix = made.matrix if precision == "float64" else Csr(made.matrix.rowptr, made.matrix.col, values, made.matrix.shape)
    rounded = (lambda part: part.half().double()) if precision == "float16" else (lambda part: part.double())
    operand = made.dense.clone()

    def multiply():
        csr = torch.sparse_csr_tensor(matrix.rowptr, matrix.col, rounded(matrix.value), matrix.shape, check_invariants=False)
        return (csr @ rounded(operand)).float()

    probe = ProductProbe(multiply, operand, sites(matrix, made.dense), None, made.dense, PRECISIONS[precision])
    look_at_all(probe)
