"""What a kernel may say of itself: what would not be understood later is refused where it is written."""

import re
from dataclasses import replace

import pytest
import torch

from rsc_bench.kernels import Kernel
from rsc_bench.kernels.contract import present
from rsc_bench.kernels.exact import mkl

GIVEN = {"name": "mine", "device": "cpu", "summary": "Mine.", "prepare": mkl.prepare}


def refused(**changed):
    with pytest.raises(ValueError, match="must") as caught:
        Kernel(**(GIVEN | changed))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_kernel_is_written_in_the_order_of_its_fields():
    kernel = Kernel("mine", "cuda", "Mine.", mkl.prepare, "ours", False, lambda: "not here", mkl.prepare, True, mkl.prepare)
    assert (kernel.name, kernel.device, kernel.summary, kernel.role, kernel.exact) == ("mine", "cuda", "Mine.", "ours", False)
    assert (kernel.missing(), kernel.separable) == ("not here", True)
    assert kernel.prepare.function is kernel.prepare_bounded.function is kernel.tune.function is mkl.prepare


def test_what_is_left_out_is_an_exact_kernel_that_can_run():
    kernel = Kernel(**GIVEN)
    assert (kernel.role, kernel.exact, kernel.missing, kernel.separable) == ("other", True, present, False)
    assert kernel.prepare_bounded is kernel.tune is kernel.prepare_sampled is None


def test_a_kernel_of_sddmm_sums_and_leaves_out_what_only_products_have():
    kernel = Kernel(**GIVEN, operation="sddmm")
    assert (kernel.operation, kernel.reduces, Kernel(**GIVEN).operation) == ("sddmm", ("sum",), "spmm")
    assert replace(kernel, name="other").reduces == ("sum",)
    ways = {"exact": False, "separable": True, "prepare_sampled": mkl.prepare, "selects": True, "reduces": ("sum", "max")}
    for field, value in ways.items():
        rule = f"{field} is of an SpMM, and must be left out of a kernel with operation='sddmm'"
        assert refused(operation="sddmm", **{field: value}).startswith(f"kernel 'mine': {rule} (got ")
    assert refused(operation="gemm") == "kernel 'mine': operation must be 'spmm' or 'sddmm' (got 'gemm')"


def test_parentheses_stand_for_sampling_and_are_in_no_exact_kernels_name():
    assert refused(name="my(kernel)").startswith(
        "an exact kernel's name must be letters, digits, '_', '.' and '-' (got 'my(kernel)'): "
    )
    assert Kernel(**(GIVEN | {"name": "topk(mine)", "exact": False})).name == "topk(mine)"


def test_a_name_that_is_that_of_a_file_is_refused():
    assert refused(name="mine.py") == "a kernel's name must not end in .py (got 'mine.py'): --kernel takes that for a file"


@pytest.mark.parametrize("device", ["gpu", "cuda:0", "CPU", "", None, torch.device("cpu")])
def test_a_device_of_another_kind_is_refused(device):
    assert refused(device=device) == f"kernel 'mine': device must be 'cpu' or 'cuda' (got {device!r})"


@pytest.mark.parametrize("role", ["mine", "Ours", None])
def test_a_role_of_another_name_is_refused(role):
    assert refused(role=role) == f"kernel 'mine': role must be 'ours', 'vendor', 'other' or 'baseline' (got {role!r})"


@pytest.mark.parametrize("part", ["prepare", "missing"])
def test_a_part_that_cannot_be_called_is_refused(part):
    assert re.fullmatch(
        rf"kernel 'mine': {part} must be a function.* \(got 'text'\): give the function itself.*", refused(**{part: "text"})
    )


@pytest.mark.parametrize("part", ["prepare_bounded", "prepare_sampled", "tune"])
def test_a_part_that_may_be_left_out_is_a_function_or_none(part):
    assert refused(**{part: True}) == f"kernel 'mine': {part} must be a function or None (got True)"
