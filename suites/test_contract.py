"""Contract: what every exact kernel must do, in small, for kernels from files and packages; `tests/` has it for ours."""

import pytest

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Kernel
from rsc_bench.suites.spmm import contract
from rsc_bench.suites.spmm.contract import Trial


def test_contract(foreign_kernel: Kernel, trial: Trial) -> None:
    try:
        contract.check(foreign_kernel, trial)
    except Skip as reason:
        pytest.skip(str(reason))
    except Wrong as wrong:
        pytest.fail(f"{trial}: wrong: {wrong}", pytrace=False)
