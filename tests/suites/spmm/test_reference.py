"""The float64 product that kernels are checked against is one and the same on every device."""

import math

import numpy as np
import pytest
import scipy.sparse
import torch
from torch.overrides import TorchFunctionMode

from rsc_bench.kernels import Csr
from rsc_bench.suites.spmm import reference
from rsc_bench.suites.spmm.reference import extremum64, gathered64, product64, relative_error

GENERATOR = torch.Generator().manual_seed(0)
DENSE = torch.randn(60, 5, generator=GENERATOR)
WEIGHTS = torch.rand(60, generator=GENERATOR) * (torch.arange(60) % 3 != 0)


def matrix(weighted=True):
    return Csr.from_scipy(scipy.sparse.random(80, 60, 0.1, format="csr", random_state=0), weighted=weighted)


@pytest.mark.parametrize(
    "given",
    [
        matrix(),
        matrix(weighted=False),
        matrix().scale_rows(torch.rand(80)),
        matrix(weighted=False).mean(),
        matrix(weighted=False).scale_rows(torch.rand(80)).scale_columns(torch.rand(60)),
    ],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["whole", "sampled"])
def test_gathered_in_runs_it_is_what_scipy_computes(given, weights):
    gathered = gathered64(given, DENSE, weights, entries_at_a_time=64)
    assert gathered.dtype is torch.float64
    torch.testing.assert_close(gathered, torch.from_numpy(product64(given, DENSE, weights)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("weighted", [True, False])
def test_an_extremum_is_that_of_each_row_s_terms_and_0_where_there_are_none(weighted):
    rows = scipy.sparse.vstack([scipy.sparse.csr_matrix((2, 60)), matrix().to_scipy()]).tocsr()
    given = Csr.from_scipy(rows, weighted=weighted)
    full, operand = given.to_scipy().toarray(), DENSE.double().numpy()
    terms = np.where((full != 0)[:, :, None], full[:, :, None] * operand, np.nan)
    empty = (full == 0).all(1)
    assert empty.any()
    terms[empty] = 0.0
    for reduce, of in (("max", np.nanmax), ("min", np.nanmin)):
        np.testing.assert_array_equal(extremum64(given, DENSE, reduce, entries_at_a_time=64), of(terms, axis=1))


def test_a_dropped_pair_counts_for_nothing():
    keep_one = torch.zeros(60)
    keep_one[7] = 2.0
    expected = 2.0 * torch.from_numpy(matrix().to_scipy().toarray())[:, 7:8] * DENSE[7].double()
    torch.testing.assert_close(torch.from_numpy(product64(matrix(), DENSE, keep_one)), expected)


class StaysThere(TorchFunctionMode):
    """Refuses to hand more than a number to the host."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in {"cpu", "numpy", "tolist"} and args[0].numel() > 1:
            raise AssertionError("a result of gigabytes would be copied from the GPU")
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_error_is_worked_out_where_the_result_lies(dtype):
    found, wanted = DENSE.to(dtype), torch.randn(60, 5, generator=GENERATOR, dtype=torch.float64).numpy()
    with StaysThere():
        error = relative_error(found, wanted)
    assert error == pytest.approx(np.linalg.norm(found.double().numpy() - wanted) / np.linalg.norm(wanted), rel=1e-12)


def test_an_error_is_of_the_whole_result_also_where_that_is_compared_in_parts(monkeypatch):
    wanted = DENSE.double().numpy() + 0.5
    whole = relative_error(DENSE, wanted)
    for numbers in (1, 7 * 5, 60 * 5 - 1):  # a row at a time, seven, and a last part of its own
        monkeypatch.setattr(reference, "_COMPARED", numbers)
        assert relative_error(DENSE, wanted) == pytest.approx(whole, rel=1e-12)
    assert whole == pytest.approx(np.linalg.norm(DENSE.double().numpy() - wanted) / np.linalg.norm(wanted), rel=1e-12)


def test_a_result_that_is_no_number_has_an_error_that_is_none():
    assert math.isnan(relative_error(torch.tensor([1.0, math.nan]), np.ones(2)))


def test_neither_the_result_nor_what_was_wanted_is_changed():
    found, wanted = torch.tensor([1.0, 2.0]).double(), np.array([1.0, 4.0])
    relative_error(found, wanted)
    assert (found.tolist(), wanted.tolist()) == ([1.0, 2.0], [1.0, 4.0]), "references are kept for other cases"
