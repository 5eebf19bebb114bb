"""Contract: what every exact kernel must do, in small, for kernels from files and packages; `tests/` has it for ours."""

from collections.abc import Callable

import pytest

from rsc_bench.harness.measure.work import Skip, Wrong
from rsc_bench.kernels import Kernel
from rsc_bench.suites.spmm import contract
from rsc_bench.suites.spmm.contract import Trial
from rsc_bench.suites.terminal.summary import STATUS


def test_contract(foreign_kernel: Kernel, trial: Trial, record_property: Callable[[str, object], None]) -> None:
    wrong = None
    try:
        contract.check(foreign_kernel, trial)
    except Skip as reason:
        pytest.skip(str(reason))
    except Wrong as error:
        wrong = error
    if wrong is not None:  # not in the handler, where pytest would print it twice
        record_property(STATUS, "wrong")
        pytest.fail(f"{trial}: wrong: {wrong}", pytrace=False)
