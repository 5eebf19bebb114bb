"""Approximations that are kernels of their own: what they say that they multiplied, they are held to."""

import dataclasses

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged

from rsc_bench.harness.measure.attempt import attempt
from rsc_bench.harness.measure.sampling import Limits
from rsc_bench.harness.measure.work import Wrong
from rsc_bench.harness.records.case import Case
from rsc_bench.kernels import Csr, Kernel
from rsc_bench.kernels.exact import torch_reduce
from rsc_bench.kernels.sampled.approximate import Own, cached
from rsc_bench.plugins import PluginError
from rsc_bench.suites import devices
from rsc_bench.suites.catalog import Catalog, Choice, KernelError
from rsc_bench.suites.options import DTYPES, Options
from rsc_bench.suites.spmm import contract, work
from rsc_bench.suites.spmm.cases.sweep import settings
from rsc_bench.suites.spmm.operands import Product
from rsc_bench.suites.spmm.store import Store

STORE = Store()
CASE = Case(suite="sampled", kernel="mine", graph="small:hub", width=8, budget=None, dtype="float32", device="cpu", clock="host")


def every_second(matrix, start=0):
    places = torch.arange(start, matrix.nnz, 2)
    value = None if matrix.all_ones else matrix.value[places]
    return Csr.trusted(torch.searchsorted(places, matrix.rowptr.long()).int(), matrix.col[places], value, matrix.shape)


class Choosing:
    """Every second edge, the even and the odd ones in turn."""

    def __init__(self, matrix, width, dtype, says="matrix"):
        self.matrix, self.width, self.dtype, self.says, self.turn = matrix, width, dtype, says, 0

    def select(self, dense):
        self.smaller = every_second(self.matrix, self.turn % 2)
        self.inner = torch_reduce.prepare(self.smaller, self.width, self.dtype)
        self.turn += 1

    def multiply(self, dense):
        return self.inner(dense)

    def __call__(self, dense):
        self.select(dense)
        return self.multiply(dense)

    @property
    def kept(self):
        return {"matrix": self.smaller, "count": self.smaller.nnz, "nothing": None}[self.says] if self.turn else None


def kernel(says="matrix", act=lambda product, dense: product, selects=True, name="mine", **declared):
    """An approximation that keeps every second edge, and what `act` makes of its product."""

    class Acting(Choosing):
        def multiply(self, dense):
            return act(super().multiply(dense), dense)

    def prepare(matrix, width, dtype, reduce="sum"):
        return Acting(matrix.mean().with_entries() if reduce == "mean" else matrix.with_entries(), width, dtype, says)

    return Kernel(name, "cpu", "Every second edge.", prepare, exact=False, selects=selects, **declared)


def record_of(kernel, interval=1):
    product = Product(STORE.graph("small:hub"), 8, torch.float32)
    known = cached(kernel, interval) if interval > 1 else kernel
    limits = Limits(time_s=0.01, warmup_s=0.0, fewest=3)
    return attempt(CASE, lambda: work.ready(product, known, STORE), devices.clock("host"), limits)


def catalog(*kernels):
    return Catalog({each.name: each for each in (torch_reduce.KERNEL, *kernels)}, {})


@pytest.mark.parametrize("interval", [1, 10])
def test_one_that_gives_its_matrix_is_held_to_its_product(interval):
    record = record_of(kernel(), interval)
    assert record.status == "ok", record.reason
    matrix, accuracy = record.measurement.matrix, record.measurement.accuracy
    assert abs(matrix.kept_nnz - matrix.nnz / 2) <= 0.5
    assert accuracy.check_error < 1e-6
    assert accuracy.rel_error > 0.1
    assert record.measurement.timing.calls_per_sample == interval
    assert record.measurement.timing.select_s
    assert record.measurement.timing.multiply_s


@pytest.mark.parametrize(("says", "known"), [("count", True), ("nothing", False)])
def test_one_that_gives_less_has_an_error_and_is_held_to_nothing(says, known):
    record = record_of(kernel(says, selects=False))
    assert record.status == "ok", record.reason
    assert (record.measurement.matrix.kept_nnz is not None) == known
    assert record.measurement.accuracy.check_error is None
    assert record.measurement.accuracy.rel_error > 0.1
    assert record.measurement.timing.select_s is None


def spoil_one(product, dense):
    product[2, 1] = torch.nan
    return product


REMEMBERED = {}


def remember(product, dense):
    return REMEMBERED.setdefault(tuple(product.shape), product).clone()


@pytest.mark.parametrize("says", ["matrix", "count", "nothing"])
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (spoil_one, "result must be of finite numbers (1 are not)"),
        (lambda product, dense: product[:, :3], "result must have shape (300, 8)"),
        (lambda product, dense: dense.mul_(2) @ torch.eye(8) if len(dense) == len(product) else product, "changed its operand"),
    ],
    ids=["nan", "shape", "operand"],
)
def test_what_no_approximation_may_do_is_wrong_whatever_it_says(says, act, reason):
    record = record_of(kernel(says, act))
    assert (record.status, record.reason[: len(reason)]) == ("wrong", reason)


def test_a_product_of_something_else_than_was_kept_is_wrong():
    record = record_of(kernel(act=lambda product, dense: product * 1.001))
    assert record.status == "wrong"
    assert record.reason.startswith("result must be the product of what `kept` has: relative error against float64 must be at most")


@pytest.mark.parametrize("says", ["matrix", "nothing"])
def test_one_that_remembers_is_wrong(says):
    REMEMBERED.clear()

    class Once(Choosing):
        def select(self, dense):
            if not self.turn:
                super().select(dense)

    remembering = Kernel("mine", "cpu", "Once.", lambda *given: _acting(Once(*given, says=says)), exact=False)
    record = record_of(remembering)
    assert record.status == "wrong"
    assert record.reason.startswith("result must follow its operand in every call")


class _acting:  # noqa: N801 (stands for a function)
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, dense):
        return remember(self.inner(dense), dense)

    @property
    def kept(self):
        return self.inner.kept


@pytest.mark.parametrize("says", ["matrix", "count", "nothing"])
@pytest.mark.parametrize("values", ["values", "no-values", "factors"])
@pytest.mark.parametrize("width", [1, 17])
def test_the_contract_holds_with_empty_rows_odd_widths_and_every_dtype(says, values, width):
    for reduce in ("sum", "mean"):
        for dtype in DTYPES:
            contract.check(kernel(says), contract.Trial("mine", values, reduce, dtype, width))


def test_the_contract_finds_what_is_wrong():
    some = contract.Trial("mine", "values", "sum", "float32", 5)
    with pytest.raises(Wrong, match="result must be of finite numbers"):
        contract.check(kernel("nothing", spoil_one), some)
    with pytest.raises(Wrong, match="result must be the product of what `kept` has"):
        contract.check(kernel(act=lambda product, dense: product + 1), some)


def test_a_cached_one_chooses_once_in_an_interval():
    multiply = cached(kernel(), 3).prepare(jagged(), 4, torch.float32)
    seen = []
    for _ in range(4):
        found = multiply(dense(9, 4))
        seen.append(multiply.kept)
        np.testing.assert_allclose(found, array(seen[-1]) @ dense(9, 4).double().numpy(), rtol=1e-5, atol=1e-6)
    assert seen[0] is seen[1] is seen[2]
    assert seen[3] is not seen[2]
    assert cached(kernel(), 3).name == "cached_mine"


@pytest.mark.parametrize(
    ("kept", "shown"),
    [(-1, "-1"), (True, "True"), ("all", "'all'"), (jagged().transpose(), "a Csr of (9, 13)")],
    ids=["negative", "truth", "text", "shape"],
)
def test_what_is_kept_is_a_matrix_of_the_shape_or_a_number(kept, shown):
    def multiply(dense):
        return dense

    multiply.kept = kept
    with pytest.raises(PluginError) as caught:
        _ = Own(kernel(selects=False), multiply, (13, 9)).kept
    assert str(caught.value) == f"kernel 'mine': kept must be a Csr of shape (13, 9), or a number of non-zeros (got {shown})"


def test_one_that_says_that_it_chooses_must_have_what_chooses():
    lying = dataclasses.replace(kernel(), prepare=lambda *given: lambda dense: dense)
    with pytest.raises(PluginError, match=r"kernel 'mine': selects=True, so what it prepares must have select.*got no select"):
        cached(lying, 2).prepare(jagged(), 4, torch.float32)


def test_it_stands_with_the_sampled_kernels_without_a_budget_and_no_selection_stands_in_front_of_it():
    known = catalog(kernel(), kernel(selects=False, name="other"))
    found = settings(Options(benchmark=True, device="cpu", graphs=("small:hub",), widths=(8,)), known)
    assert [(s.suite, s.choice.name, s.budget) for s in found] == [
        ("exact", "torch_reduce", None),
        ("sampled", "mine", None),
        ("sampled", "cached_mine", None),
        ("sampled", "other", None),
    ]
    assert not any(s.case().is_exact for s in found if s.suite == "sampled")
    assert known.find("cached_mine") == Choice("mine", None, cached=True)
    assert known.build(known.find("cached_mine"), None).name == "cached_mine"
    with pytest.raises(KernelError, match="'cached_other' is not a known kernel"):
        known.find("cached_other")
    with pytest.raises(KernelError, match=r"mine is an approximation itself: a selection is in front of an exact kernel"):
        known.find("topk(mine)")


def test_a_count_may_be_of_any_kind_of_whole_number():
    class Says:
        kept = np.int64(5)

        def __call__(self, operand):
            return operand

    kernel = Kernel("mine", "cpu", "Mine.", lambda *_: Says(), exact=False)
    assert Own(kernel, Says(), (3, 3)).kept == 5
