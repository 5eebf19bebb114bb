"""cuSPARSE called directly, through a stand-in for nvmath-python's binding that computes from the addresses it is given."""

import contextlib
import ctypes
import inspect
import operator
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_matrices import array, dense, jagged, without_entries
from torch_modes import Emptied

from rsc_bench.kernels import Csr, Kernel, Unsupported
from rsc_bench.kernels.exact._cusparse import Library, Loader
from rsc_bench.kernels.exact.cusparse_reused import CusparseReused
from rsc_bench.kernels.sampled import compaction
from rsc_bench.kernels.sampled.compose import Inner, SampledMultiply, Sampling
from rsc_bench.kernels.sampled.pairs import Pairs
from rsc_bench.kernels.sampled.selections import topk

nvmath = pytest.importorskip("nvmath", reason="nvmath is not installed: pip install nvmath-python")
BINDING = pytest.importorskip("nvmath.bindings.cusparse")

STREAM = 0x5EA
WORKSPACE_BYTES = 4096
NOT_SUPPORTED = 10
ALG2, ALG3 = 6, 12
# library_types.h: CUDA_R_32F, CUDA_R_16BF; cusparse.h: CUSPARSE_INDEX_32I, CUSPARSE_ORDER_ROW, CUSPARSE_INDEX_BASE_ZERO.
FLOAT32, BFLOAT16, INDEX_32, ROW_MAJOR, FROM_ZERO = 0, 14, 2, 2, 0


def numbers(address, count, kind):
    """The tensor at an address."""
    size = torch.empty((), dtype=kind).element_size() * count
    return torch.frombuffer((ctypes.c_char * size).from_address(address), dtype=kind)


class Fake:
    """Has the functions of nvmath-python's binding, with its own signatures: they take whole numbers alone."""

    Order, Operation, SpMMAlg = BINDING.Order, BINDING.Operation, BINDING.SpMMAlg
    IndexType, IndexBase, cuSPARSEError = BINDING.IndexType, BINDING.IndexBase, BINDING.cuSPARSEError  # noqa: N815

    def __init__(self, refuses=(), lacks=()):
        self.calls, self.made, self.refuses, self.lacks = [], {}, refuses, lacks

    def __getattr__(self, name):
        return partial(self._call, name, inspect.signature(getattr(BINDING, name)))

    def _call(self, name, signature, *arguments):
        plain = [operator.index(each) for each in signature.bind(*arguments).args]
        self.calls.append((name, plain))
        if name in self.lacks:
            raise RuntimeError(f"function {name} is not found")  # what its FunctionNotFoundError is
        if name.startswith("sp_mm") and plain[9] in self.refuses:
            raise BINDING.cuSPARSEError(NOT_SUPPORTED)
        if name.startswith("create"):
            self.made[len(self.made) + 1] = plain
            return len(self.made)
        act = {"dn_mat_set_values": self._set_values, "sp_mm_buffer_size": lambda *_: WORKSPACE_BYTES, "sp_mm": self._multiply}
        return act[name](*plain) if name in act else None

    def _set_values(self, matrix, address):
        self.made[matrix][3] = address

    def _multiply(self, *arguments):
        rows, columns, nnz, *addresses = self.made[arguments[4]][:6]
        kind = torch.bfloat16 if self.made[arguments[4]][9] == BFLOAT16 else torch.float32
        counts = (rows + 1, nnz, nnz)
        parts = [numbers(*part) for part in zip(addresses, counts, (torch.int32, torch.int32, kind), strict=True)]
        width = self.made[arguments[5]][1]
        operand = numbers(self.made[arguments[5]][3], columns * width, kind).view(columns, width)
        product = torch.sparse_csr_tensor(*parts[:2], parts[2].float(), (rows, columns), check_invariants=False) @ operand.float()
        numbers(self.made[arguments[7]][3], rows * width, kind).view(rows, width).copy_(product)

    def named(self, name):
        return [arguments for each, arguments in self.calls if each == name]


def package(binding):
    """nvmath-python with another binding in it."""
    kinds = {name: getattr(nvmath, name) for name in ("CudaDataType", "LibraryPropertyType")}
    return SimpleNamespace(bindings=SimpleNamespace(cusparse=binding), **kinds)


def algorithm_of(multiply):
    return multiply._product[-1]


class Machine(CusparseReused):
    """cuSPARSE of a stand-in, and a clock that a test may change: at first the algorithm of the lower number is the faster one."""

    def __init__(self, fake):
        library = Library(package(fake), current=lambda device: contextlib.nullcontext(), stream=lambda device: STREAM)
        super().__init__(SimpleNamespace(library=library), self.timed_ms)
        self.clock = lambda multiply, dense: algorithm_of(multiply)

    def timed_ms(self, multiply, dense):
        return self.clock(multiply, dense)


@pytest.fixture
def fake():
    return Fake()


@pytest.fixture
def machine(fake):
    return Machine(fake)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_the_product_comes_out_of_the_addresses_that_are_passed(machine, dtype, reduce):
    matrix, operand = jagged(), dense(9, 3).to(dtype)
    found = machine.prepare(matrix, 3, dtype, reduce)(operand)
    wanted = array(matrix.mean() if reduce == "mean" else matrix) @ operand.double().numpy()
    assert found.dtype is dtype
    np.testing.assert_allclose(found.double().numpy(), wanted, rtol=2e-2 if dtype is torch.bfloat16 else 1e-5, atol=1e-2)


def test_the_matrix_is_described_with_int32_indices_and_the_operands_row_by_row(fake, machine):
    matrix = jagged()
    machine.prepare(matrix, 3, torch.bfloat16)
    (described, *_), operands = fake.named("create_csr"), fake.named("create_dn_mat")
    assert described[:3] == [13, 9, matrix.nnz]
    assert described[3] == matrix.rowptr.data_ptr(), "the offsets are not copied"
    assert described[6:] == [INDEX_32, INDEX_32, FROM_ZERO, BFLOAT16]
    assert [each[:3] + each[4:] for each in operands[:2]] == [[9, 3, 3, BFLOAT16, ROW_MAJOR], [13, 3, 3, BFLOAT16, ROW_MAJOR]]


def test_descriptors_and_workspace_are_made_once_for_all_calls(fake, machine):
    multiply = machine.prepare(jagged(), 3, torch.float32)
    fake.calls.clear()
    operands = [dense(9, 3), dense(9, 3)]
    for operand in operands:
        multiply(operand)
    assert [name for name, _ in fake.calls] == ["set_stream", *["dn_mat_set_values"] * 2, "sp_mm"] * 2
    first, second = fake.named("sp_mm")
    assert first == second, "what is passed is the same; the addresses of the operands are in their descriptors"
    assert [address for _, address in fake.named("dn_mat_set_values")][::2] == [each.data_ptr() for each in operands]


def test_each_call_makes_a_result_of_its_own(fake, machine):
    multiply = machine.prepare(jagged(), 3, torch.float32)
    one = multiply(dense(9, 3))
    before = one.clone()
    multiply(2 * dense(9, 3))
    assert torch.equal(one, before)


def test_a_call_is_on_torchs_stream_with_unit_scaling_and_float32_sums(fake, machine):
    multiply = machine.prepare(jagged(), 3, torch.bfloat16)
    multiply(dense(9, 3).bfloat16())
    assert {stream for _, stream in fake.named("set_stream")} == {STREAM}
    (call,) = fake.named("sp_mm")
    factors = [numbers(call[at], 1, torch.float32).item() for at in (3, 6)]
    assert (call[1:3], factors, call[8]) == ([0, 0], [1.0, 0.0], FLOAT32)


def test_each_algorithm_is_prepared_for_the_matrix_with_a_workspace_of_the_size_it_asks_for(fake, machine):
    with Emptied() as emptied:
        machine.prepare(jagged(), 3, torch.float32)
    assert [call[9] for call in fake.named("sp_mm_preprocess")] == [ALG2, ALG3]
    assert [shape for shape, dtype in emptied.made if dtype is torch.uint8] == [(WORKSPACE_BYTES,)] * 2


def test_the_algorithm_that_was_fastest_is_kept(fake, machine):
    seconds = {ALG2: iter([1.0, 5.0, 5.0]), ALG3: iter([2.0, 0.5, 2.0])}  # the fastest of three calls speaks
    machine.clock = lambda multiply, dense: next(seconds[algorithm_of(multiply)])
    machine.prepare(jagged(), 3, torch.float32)(dense(9, 3))
    assert fake.named("sp_mm")[-1][9] == ALG3


def bounded(matrix, room):
    """The matrix with `room` more entries behind its last, as a selection leaves them on a GPU."""
    col, entries = (torch.cat([part, part.new_zeros(room)]) for part in (matrix.col, matrix.entries))
    return Csr(matrix.rowptr, col, entries, matrix.shape, bounded=True)


def nothing_is_tried(multiply, dense):
    raise AssertionError("the host waits for the device to try an algorithm")


def test_the_algorithms_are_tried_once_for_a_matrix(fake, machine):
    machine.tune(jagged(), 3, torch.float32)
    machine.clock = nothing_is_tried
    multiply = machine.prepare(jagged(), 3, torch.float32)
    np.testing.assert_allclose(multiply(dense(9, 3)), array(jagged()) @ dense(9, 3).double().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(AssertionError, match="waits for the device"):
        machine.prepare(jagged(), 4, torch.float32)  # another width is another matrix


@pytest.mark.parametrize("room", [5, 40], ids=["as tuned for", "of another allocation"])
def test_a_selection_goes_by_the_algorithm_that_its_like_was_tuned_to(fake, machine, room):
    times_ms = {ALG2: 2.0, ALG3: 1.0}
    machine.clock = lambda multiply, dense: times_ms[algorithm_of(multiply)]
    machine.tune(bounded(jagged(), 5), 3, torch.float32)
    machine.clock = nothing_is_tried
    multiply = machine.prepare_bounded(bounded(jagged(), room), 3, torch.float32)
    found = multiply(dense(9, 3))
    np.testing.assert_allclose(found, array(jagged()) @ dense(9, 3).double().numpy(), rtol=1e-5, atol=1e-6)
    assert fake.named("sp_mm")[-1][9] == ALG3


def test_a_selection_that_nothing_was_tuned_for_goes_by_the_algorithm_that_torch_calls(fake, machine):
    machine.clock = nothing_is_tried
    machine.prepare_bounded(bounded(jagged(), 5), 3, torch.float32)(dense(9, 3))
    assert [call[9] for call in fake.named("sp_mm")] == [ALG2]


class PairsOnAGpu(Pairs):
    """Leaves room behind the last non-zero of what is kept, as on a GPU, where the host does not know how many there are."""

    def compaction(self, separable):
        assert not separable, "cuSPARSE reads a value for each non-zero"
        return self.compacted

    def compacted(self, kept):
        small = compaction.compact(self.matrix, kept)
        return bounded(small, kept.most_nnz - small.nnz)


def test_in_front_of_it_a_selection_tries_nothing_once_the_clock_runs(machine):
    kernel = Kernel("fake", "cpu", "A stand-in.", machine.prepare, prepare_bounded=machine.prepare_bounded, tune=machine.tune)
    sampled = partial(SampledMultiply, PairsOnAGpu(jagged()), topk.SELECTION, Sampling(0.5), Inner(kernel, 3, torch.float32))
    sampled().tuned()
    machine.clock = nothing_is_tried
    multiply = sampled()
    for seed in (1, 2):
        operand = dense(9, 3, seed)
        found = multiply(operand)
        wanted = (array(jagged()) * multiply.kept.weights.numpy()) @ operand.double().numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_selection_without_room_gives_zeros(fake, machine):
    empty = bounded(jagged(), 0)
    empty = Csr(torch.zeros_like(empty.rowptr), empty.col[:0], None, empty.shape, bounded=True)
    assert torch.equal(machine.prepare_bounded(empty, 3, torch.float32)(dense(9, 3)), torch.zeros(13, 3))


def test_a_bounded_mean_is_refused_with_what_to_give_instead(fake, machine):
    with pytest.raises(Unsupported, match="give it the mean's values"):
        machine.prepare_bounded(bounded(jagged(), 5), 3, torch.float32, "mean")


def test_an_algorithm_that_refuses_leaves_the_other():
    fake = Fake(refuses=(ALG2,))
    Machine(fake).prepare(jagged(), 3, torch.float32)(dense(9, 3))
    assert fake.named("sp_mm")[-1][9] == ALG3


def test_where_each_algorithm_refuses_the_reason_has_their_status():
    words = r"CSR_ALG2: sp_mm_buffer_size failed \(NOT_SUPPORTED \(10\)\); CSR_ALG3: "
    with pytest.raises(Unsupported, match=words):
        Machine(Fake(refuses=(ALG2, ALG3))).prepare(jagged(), 3, torch.float32)


def test_a_library_that_is_too_old_says_which_function_it_lacks():
    with pytest.raises(Unsupported, match="sp_mm_preprocess is not found"):
        Machine(Fake(lacks=("sp_mm_preprocess",))).prepare(jagged(), 3, torch.float32)


def test_descriptors_are_given_back_with_the_multiply(fake, machine):
    multiply = machine.prepare(jagged(), 3, torch.float32)
    del multiply
    assert len(fake.named("destroy_sp_mat")) == len(fake.named("create_csr")) == 2
    assert len(fake.named("destroy_dn_mat")) == len(fake.named("create_dn_mat")) == 4


def test_a_matrix_without_entries_gives_zeros_and_calls_nothing(fake, machine):
    multiply = machine.prepare(without_entries(13, 9), 3, torch.float32)
    assert torch.equal(multiply(dense(9, 3)), torch.zeros(13, 3))
    assert [name for name, _ in fake.calls] == ["get_property"]


def test_another_dtype_is_refused(machine):
    with pytest.raises(Unsupported, match=r"cusparse_reused multiplies float32 and bfloat16 \(got torch.float64\)"):
        machine.prepare(jagged(), 3, torch.float64)


def test_without_a_driver_or_the_library_the_reason_is_what_nvmath_says_in_one_line():
    def found_nothing(*_):
        raise RuntimeError("CUDA driver is not found\nand more")

    binding = SimpleNamespace(get_property=found_nothing)
    reason = Loader(lambda: package(binding)).missing()
    assert reason == "nvmath cannot load cuSPARSE (CUDA driver is not found): install a CUDA build of torch of 2.10 or later"


@pytest.mark.parametrize("name", ["nvmath", "nvmath.bindings.cusparse"])
def test_without_nvmath_the_reason_says_how_to_get_it(name):
    assert Loader(partial(not_found, name)).missing() == 'nvmath is not installed: pip install "rsc-bench[gpu]"'


def test_an_nvmath_without_what_it_needs_itself_stops_the_run():
    with pytest.raises(ModuleNotFoundError, match=r"cuda\.bindings"):
        Loader(partial(not_found, "cuda.bindings")).missing()


def not_found(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_device_has_one_handle_for_all_that_is_prepared(fake, machine):
    for width in (3, 4):
        machine.prepare(jagged(), width, torch.float32)
    assert len(fake.named("create")) == 1
