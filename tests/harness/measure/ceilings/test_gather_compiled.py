"""The gather that ceilings are measured with, compiled for each architecture: it must not be what holds a GPU back."""

import re

import pytest

pytest.importorskip("triton", reason="triton is not installed: pip install triton")

from triton_compiled import ARCHITECTURES, compiled

from rsc_bench.harness.measure.ceilings.gather_triton import ROWS, _gather_sum

ARGUMENTS = {"rows": "*fp32", "index": "*i32", "result": "*fp32", "width": "i32"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_are_loaded_16_bytes_at_a_time_and_nothing_spills(architecture):
    # The width as a constant stands for one that 16 divides, which is what a launch finds out.
    arguments = {name: kind for name, kind in ARGUMENTS.items() if name != "width"}
    made = compiled(_gather_sum, arguments, {"width": 256, "BAG": 64, "ROWS": ROWS, "WIDTH": 256}, architecture, warps=4)
    assert len(re.findall(r"ld\.global\S*\.v4\.b32", made.ptx)) >= 8
    assert made.spilled_bytes == 0


def test_offsets_are_64_bits_wide():
    made = compiled(_gather_sum, ARGUMENTS, {"BAG": 64, "ROWS": ROWS, "WIDTH": 256}, ARCHITECTURES[0], warps=4)
    assert re.search(r"arith\.muli .* : tensor<16x1xi64>", made.ttir)
