"""What the compiler makes of `rows_triton`, for GPUs that need not be there."""

import re
from dataclasses import replace

import pytest

triton = pytest.importorskip("triton", reason="triton is not installed: pip install triton")

from triton_compiled import ARCHITECTURES, compiled  # noqa: E402

from rsc_bench.kernels.exact import rows_triton  # noqa: E402
from rsc_bench.kernels.exact._rows_triton import source  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.pieces import SHORT  # noqa: E402
from rsc_bench.kernels.exact._rows_triton.settings import Problem, candidates, first  # noqa: E402

pytestmark = pytest.mark.skipif(rows_triton.INTERPRETED, reason="TRITON_INTERPRET=1 interprets, and compiles nothing")
REDDIT = Problem("NVIDIA H200", 60 << 20, (232_965, 232_965), 114_615_892, 21_657, 256, 4, "columns", "mean")
DTYPES = {"fp32": REDDIT, "bf16": replace(REDDIT, itemsize=2)}
GATHERING = (source.sum_pieces, source.sum_short_rows)
ALL = (*GATHERING, source.join_pieces, source.count_pieces, source.place_pieces)


def types(dtype, offsets):
    """Types of all arguments that are known at run time, by name."""
    made = dict.fromkeys(("dense", "result"), f"*{dtype}") | dict.fromkeys(("rowptr", "begins", "ends"), offsets)
    made |= dict.fromkeys(("partial", "value", "row_scale", "column_scale"), "*fp32") | {"row_count": "i32"}
    numbers = ("rows", "slots", "pieces", "joins", "first_slots", "joined_rows", "col", "piece_ends", "slot_ends", "join_ends")
    return made | dict.fromkeys(numbers, "*i32")


def build(kernel, problem, architecture, settings=None, offsets="*i32"):
    """The kernel as `rows_triton` launches it for a problem; values that have a factor a column have one a row as well."""
    settings = settings or first(problem)
    constants = {"WIDTH": problem.width, "VALUES": problem.values, "MEAN": problem.reduce == "mean"}
    constants["ROWS_SCALED"] = problem.values == "columns"
    constants |= {
        "BLOCK": settings.block,
        "TILE": settings.tile,
        "STAGES": settings.stages,
        "CHUNK": settings.chunk,
        "SHORT": SHORT,
    }
    arguments = types("bf16" if problem.itemsize == 2 else "fp32", offsets)
    known = [{name: of[name] for name in kernel.arg_names if name in of} for of in (arguments, constants)]
    return compiled(kernel, *known, architecture, settings.warps)


def name_of(kernel):
    return kernel.__name__


def gathers(ptx):
    """The loads of the dense operand: what is to stay in the caches."""
    return re.findall(r"(?:ld\.global|cp\.async)\.ca\S*", ptx)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", ALL, ids=name_of)
def test_nothing_spills(kernel, dtype, architecture):
    assert build(kernel, DTYPES[dtype], architecture).spilled_bytes == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", GATHERING, ids=name_of)
def test_rows_of_the_dense_operand_are_loaded_16_bytes_at_a_time(kernel, dtype, architecture):
    loads = gathers(build(kernel, DTYPES[dtype], architecture).ptx)
    assert loads
    assert all(load.endswith(".v4.b32") for load in loads)


@pytest.mark.parametrize("values", ["none", "each", "columns"])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("width", [1, 41])
def test_nothing_spills_in_any_form_at_odd_widths(values, reduce, width):
    problem = replace(REDDIT, values=values, reduce=reduce, width=width)
    assert [build(kernel, problem, 90).spilled_bytes for kernel in ALL] == [0] * len(ALL)


def test_a_width_that_only_4_divides_is_loaded_16_bytes_at_a_time_too():
    loads = gathers(build(source.sum_pieces, replace(REDDIT, width=100), 90).ptx)
    assert loads
    assert all(load.endswith(".v4.b32") for load in loads)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at", range(len(candidates(REDDIT))))
def test_nothing_spills_with_any_settings_that_are_tried(dtype, at):
    for kernel in GATHERING:
        assert build(kernel, DTYPES[dtype], 90, candidates(DTYPES[dtype])[at]).spilled_bytes == 0


def test_a_program_of_one_warp_sums_without_shared_memory():
    # Column numbers stay with the lanes that need them: passing them on through shared memory would put its latency between
    # a column number and the load that waits for it.
    ptx = build(source.sum_pieces, REDDIT, 90).ptx
    assert "ld.shared" not in ptx.partition("shfl")[0]


@pytest.mark.parametrize("offsets", ["*i32", "*i64"])
@pytest.mark.parametrize("kernel", [*GATHERING, source.join_pieces], ids=name_of)
def test_places_in_dense_rows_are_computed_in_64_bits(kernel, offsets):
    # A place is a row's number times the width, and nothing else is a multiple of this one.
    ttir = build(kernel, replace(REDDIT, width=257), 90, offsets=offsets).ttir
    widths = re.findall(r"(%\w+) = arith\.constant (?:dense<257>|257) : ", ttir)
    products = [line for line in ttir.splitlines() if "arith.muli" in line and set(re.findall(r"%\w+", line)) & set(widths)]
    assert len(products) >= 2, "one to read at and one to write to"
    assert all("i64" in line for line in products)
