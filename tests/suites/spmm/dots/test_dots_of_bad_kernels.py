"""A kernel of SDDMM that is wrong in any way gets a record that says so, as one of products does."""

import dataclasses
import re
from time import sleep

import numpy as np
import pytest
import torch

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Kernel
from rsc_bench.kernels.contract import SDDMM
from rsc_bench.kernels.exact import sddmm_gather
from rsc_bench.plugins import find, load
from rsc_bench.precision import PRECISIONS
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Choice, catalog
from rsc_bench.suites.spmm import contract, work
from rsc_bench.suites.spmm.cases.sweep import Setting
from rsc_bench.suites.spmm.checks import where
from rsc_bench.suites.spmm.contract import Trial, trials
from rsc_bench.suites.spmm.dots.probe import DotsProbe
from rsc_bench.suites.spmm.dots.sites import dot_sites
from rsc_bench.suites.spmm.operands import Operands, Product
from rsc_bench.suites.spmm.reference import dots64
from rsc_bench.suites.spmm.store import Store

LIMITS = Limits(precision=1e-9, time_s=0.05, warmup_s=0.005)
CASE = Setting("sddmm", "small:hub", "small:hub", 8, Choice("mine"), None, "float32", "sum", "cpu", "host").case()
RUNNABLE = [name for name, kernel in load("kernel").items() if kernel.operation == SDDMM and kernel.missing() is None]


@pytest.fixture(scope="module")
def store():
    return Store()


def kernel(act):
    """A right kernel, but for what `act` makes of each call: it gets the right one, both operands, the matrix and a note book."""

    def prepare(matrix, width, dtype, reduce="sum"):
        dots, noted = sddmm_gather.prepare(matrix, width, dtype, reduce), {"calls": 0}

        def call(left, right):
            noted["calls"] += 1
            return act(lambda: dots(left, right), left, right, matrix, noted)

        return call

    return Kernel("mine", "cpu", "Bad on purpose.", prepare, operation=SDDMM)


def product(store, dtype=torch.float32, graph="small:hub"):
    return Product(store.graph(graph), 8, dtype, operation=SDDMM)


def record_of(kernel, store, dtype=torch.float32):
    return attempt(CASE, lambda: work.ready(product(store, dtype), kernel, store), devices.clock("host"), LIMITS)


@pytest.mark.parametrize("name", RUNNABLE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_right_kernel_is_measured_with_its_error_and_its_matrix(name, dtype, store):
    record = record_of(find("kernel", name), store, dtype)
    if record.status == "skipped":
        assert re.search(r"float32 and float64.* \(got torch\.", record.reason)
        return
    assert (record.status, record.reason) == ("ok", None)
    measured, made = record.measurement, store.operands.make(product(store, dtype))
    assert (measured.matrix.nnz, measured.matrix.kept_nnz) == (made.matrix.nnz, made.matrix.nnz)
    assert (measured.matrix.rows, measured.matrix.columns, measured.matrix.value_bytes) == (*made.matrix.shape, 0)
    assert 0 < measured.accuracy.rel_error == measured.accuracy.check_error < {torch.float32: 1e-6}.get(dtype, 1e-2)
    assert measured.timing.times_s
    assert measured.timing.select_s is None


def remember(dots, left, right, matrix, noted):
    if "kept" not in noted:
        noted["kept"] = dots()
    return noted["kept"].clone()


def remember_the_left_one(dots, left, right, matrix, noted):
    old = noted.setdefault("left", left.clone())
    return sddmm_gather.prepare(matrix, left.shape[1], left.dtype)(old, right)


def remember_the_right_one(dots, left, right, matrix, noted):
    old = noted.setdefault("right", right.clone())
    return sddmm_gather.prepare(matrix, left.shape[1], left.dtype)(left, old)


def work_out_what_differs(dots, left, right, matrix, noted):
    before = noted.get("operands")
    if before is None or any(int((one != other).sum()) > 4 for one, other in zip(before, (left, right), strict=True)):
        sleep(0.06)
    noted["operands"] = left.clone(), right.clone()
    return dots()


def one_buffer(dots, left, right, matrix, noted):
    return noted.setdefault("buffer", dots()).copy_(dots())


def three_buffers(dots, left, right, matrix, noted):
    made = dots()
    buffers = noted.setdefault("buffers", [np.empty(made.shape, dtype=np.float32) for _ in range(3)])
    return torch.from_numpy(buffers[noted["calls"] % 3]).copy_(made)


def in_the_left_one(dots, left, right, matrix, noted):
    whole = left.view(-1)[: matrix.nnz]
    return whole if len(whole) == matrix.nnz and torch.equal(whole, dots()) else dots()


def not_all_written(dots, left, right, matrix, noted):
    made = dots()
    result = torch.empty_like(made)
    result[:-7] = made[:-7]
    return result


def change_the_left_one(dots, left, right, matrix, noted):
    result = dots()
    left[3] += 1e-3
    return result


def change_the_right_one(dots, left, right, matrix, noted):
    result = dots()
    right[3] += 1e-3
    return result


def change_the_matrix(dots, left, right, matrix, noted):
    result = dots()
    matrix.col[:1] = matrix.col[1:2]
    return result


BAD = {
    remember: "must follow its operand",
    remember_the_left_one: "must follow its operand",
    remember_the_right_one: "must follow its operand",
    work_out_what_differs: "it remembers",
    one_buffer: "memory of its own",
    three_buffers: "memory of its own",
    not_all_written: "",
    change_the_left_one: "changed its operand",
    change_the_right_one: "changed its operand",
    change_the_matrix: "changed its operand",
    lambda dots, left, right, matrix, noted: dots() + (noted["calls"] == 7): "must follow its operand|relative error",
    lambda dots, left, right, matrix, noted: dots() * 1.001: "relative error against float64",
    lambda dots, left, right, matrix, noted: dots().flip(0): "relative error against float64",
    lambda dots, left, right, matrix, noted: dots()[:, None]: r"result must have shape \(\d+,\) \(got \(\d+, 1\)\)",
    lambda dots, left, right, matrix, noted: dots().double(): "result must be of the operand's dtype",
    lambda dots, left, right, matrix, noted: dots().where(torch.rand(matrix.nnz) < 0.99, torch.nan): "relative error|numbers",
    lambda dots, left, right, matrix, noted: dots().tolist(): "result must be a tensor",
}


@pytest.mark.parametrize(("act", "reason"), BAD.items(), ids=[f"{place}-{act.__name__}" for place, act in enumerate(BAD)])
def test_a_wrong_kernel_gets_no_time(act, reason, store):
    record = record_of(kernel(act), store)
    assert record.status == "wrong", record.reason
    assert record.measurement is None
    assert re.search(reason, record.reason)
    store.put_back()
    assert record_of(find("kernel", "sddmm_torch"), store).status == "ok", "and the next one finds what it must"


def test_what_is_wrong_is_said_with_the_non_zeros(store):
    wanted = np.ones(6)
    found = torch.ones(6)
    found[[1, 4]] = torch.tensor([2.0, -7.0])
    assert where(found, wanted, 1e-5) == "2 of 6 non-zeros (1, 4), worst at [4], -7 in place of 1"


@pytest.mark.parametrize("numbers_at_a_time", [1, 50, 10**6])
def test_the_reference_is_the_full_product_at_the_non_zeros(store, numbers_at_a_time):
    made = store.operands.make(product(store, graph="small:directed"))
    full = made.left.double() @ made.dense.double().T
    rows = torch.repeat_interleave(torch.arange(made.matrix.shape[0]), made.matrix.row_nnz)
    wanted = full[rows, made.matrix.col.long()]
    np.testing.assert_allclose(dots64(made, numbers_at_a_time), wanted, rtol=1e-12, atol=1e-12)


def test_places_are_of_both_operands_in_turn_and_reach_what_is_looked_at(store):
    made = store.operands.make(product(store))
    found = dot_sites(made)
    assert [site.side for site in found] == [0, 1] * (len(found) // 2)
    assert len({site.place for site in found}) > len(found) // 2
    rows = torch.repeat_interleave(torch.arange(made.matrix.shape[0]), made.matrix.row_nnz).numpy()
    ends, exact = (rows, made.matrix.col.numpy()), dots64(made)
    for site in found:
        assert 1 <= len(site.entries) <= 2
        assert np.all(ends[site.side][site.entries] == site.place[0])
        assert site.old == float(made.parts[site.side][site.place])
        np.testing.assert_allclose(site.others + site.factor * site.old, exact[site.entries], rtol=1e-9, atol=1e-9)


def test_where_there_is_no_non_zero_nothing_is_changed(store):
    matrix = dataclasses.replace(store.operands.make(product(store)).matrix, _transposed=[])
    assert dot_sites(Operands(matrix, torch.empty(300, 0), torch.empty(300, 0))) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_right_kernel_is_right_in_every_look_and_both_operands_are_put_back(store, dtype):
    made = store.operands.make(product(store, dtype))
    given = made.copied()
    dots = find("kernel", "sddmm_gather").prepare(made.matrix, 8, dtype)
    changed = [0, 0]

    def call():
        for side, (now, before) in enumerate(zip(given.parts, made.parts, strict=True)):
            changed[side] += not torch.equal(now, before)
        return dots(*given.parts)

    probe = DotsProbe(call, (given, made), dot_sites(made), PRECISIONS[str(dtype).removeprefix("torch.")])
    for _ in range(40):
        probe.change()
        probe()
        probe.look()
    assert min(changed) > 10
    assert all(map(torch.equal, given.parts, made.parts))
    for _ in range(3):
        assert probe.renew()
        assert not any(map(torch.equal, given.parts, made.parts))
        probe()
    probe.restore()
    assert all(map(torch.equal, given.parts, made.parts))


@pytest.mark.parametrize("trial", [*trials("mine", ("sum",))], ids=str)
@pytest.mark.parametrize("name", RUNNABLE)
def test_a_right_kernel_keeps_the_contract(name, trial):
    try:
        contract.check(find("kernel", name), trial)
    except Skip as reason:
        assert "got torch." in str(reason)  # noqa: PT017  (what it may not skip is its own dtypes)


VALUED = Trial("mine", "values", "sum", "float32", 3)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda dots, left, right, matrix, noted: dots() * matrix.value, "relative error"),
        (lambda dots, left, right, matrix, noted: dots()[:-1], "result must have shape"),
        (change_the_left_one, "relative error|changed its operand"),
        (change_the_right_one, "relative error|changed its operand"),
        (one_buffer, "memory of its own"),
        (remember, "relative error"),
        (remember_the_left_one, "relative error"),
        (remember_the_right_one, "relative error"),
        (
            lambda dots, left, right, matrix, noted: dots() + (left.sum() - left.sum().detach()),
            "gradient of the left operand must be right or refused",
        ),
        (
            lambda dots, left, right, matrix, noted: sddmm_gather.prepare(matrix, 3, left.dtype)(left, right.detach()),
            r"gradient of the right operand must be right or refused \(got none, and no error\)",
        ),
    ],
)
def test_a_kernel_that_does_not_keep_the_contract_is_wrong(act, reason):
    with pytest.raises(Wrong, match=reason):
        contract.check(kernel(act), VALUED)


def test_a_kernel_of_products_named_with_the_suite_has_a_record_that_says_so(store):
    setting = dataclasses.replace(Setting("sddmm", "small:hub", "small:hub", 8, Choice("mkl"), None, "float32", "sum", "cpu"))
    with pytest.raises(Skip, match=r"^mkl computes spmm \(got sddmm\)$"):
        work.from_setting(setting, catalog(), store)
