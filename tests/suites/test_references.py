"""The float64 product that kernels are checked against is one and the same on every device."""

import pytest
import scipy.sparse
import torch

from kernels import Csr
from suites import references

GENERATOR = torch.Generator().manual_seed(0)
DENSE = torch.randn(60, 5, generator=GENERATOR)
WEIGHTS = torch.rand(60, generator=GENERATOR) * (torch.arange(60) % 3 != 0)


def matrix(weighted=True):
    return Csr.from_scipy(scipy.sparse.random(80, 60, 0.1, format="csr", random_state=0), weighted=weighted)


@pytest.mark.parametrize(
    "given", [matrix(), matrix(weighted=False), matrix().scale_rows(torch.rand(80)), matrix(weighted=False).mean()]
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["whole", "sampled"])
def test_gathered_in_runs_it_is_what_scipy_computes(monkeypatch, given, weights):
    monkeypatch.setattr(references, "_ENTRIES_AT_A_TIME", 64)
    gathered = references._on_the_device(given, DENSE, weights)
    assert gathered.dtype is torch.float64
    torch.testing.assert_close(gathered, torch.from_numpy(references.product(given, DENSE, weights)), rtol=1e-12, atol=1e-14)


def test_a_dropped_pair_counts_for_nothing():
    keep_one = torch.zeros(60)
    keep_one[7] = 2.0
    expected = 2.0 * torch.from_numpy(matrix().to_scipy().toarray())[:, 7:8] * DENSE[7].double()
    torch.testing.assert_close(torch.from_numpy(references.product(matrix(), DENSE, keep_one)), expected)
