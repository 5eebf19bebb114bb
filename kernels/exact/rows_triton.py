"""Our GPU SpMM: rows gathered tile by tile of the features, short rows together, long rows in pieces, sums in float32."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
import triton
from triton.runtime.errors import OutOfResources

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._rows_triton import multiply as _rows_multiply
from rsc_bench.kernels.exact._rows_triton import settings as _row_settings
from rsc_bench.kernels.exact._rows_triton import source
from rsc_bench.kernels.exact._rows_triton import tuning as _tuning
from rsc_bench.kernels.exact._rows_triton.multiply import RowsMultiply, Work
from rsc_bench.kernels.exact._rows_triton.settings import Problem, Settings

INTERPRETED = not isinstance(source.sum_pieces, triton.runtime.JITFunction)
"""Whether Triton's interpreter runs the code, on CPU tensors: ``TRITON_INTERPRET=1`` was set when this was imported."""
_INTERPRETED_L2_BYTES = 32 << 20  # there is no device to ask
_TIMED_CALLS = 5
_SPIN_CYCLES = 1_000_000
"""Half a millisecond of the device in front of each: launching the kernels from Python takes a fifth of that."""
_WORTH_TUNING = 1 << 24
"""Products of a non-zero and a feature from which on a multiply takes longer than its launches."""


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return the multiply for `matrix`; the settings for its degrees, width and dtype are searched for here unless `tune` has.

    For a bounded matrix the host waits for nothing: its settings are those that `tune` found for its like, else a guess.

    Raises:
        Unsupported: for a dtype other than float32 and bfloat16.
    """
    work = _work(matrix, width, dtype, reduce)
    return RowsMultiply(work, _tuning.tuned(_problem(work), _file()) if matrix.bounded or INTERPRETED else _searched(work))


def prepare_bounded(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return the multiply for a matrix whose rows only the device knows; see `prepare`."""
    return prepare(matrix if matrix.bounded else replace(matrix, bounded=True), width, dtype, reduce)


def tune(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Search for the settings that `prepare` and `prepare_bounded` will use for matrices like this one, and compile with them."""
    if not INTERPRETED:
        work = _work(matrix, width, dtype, reduce)
        RowsMultiply(work, _searched(work))(_operand(work))


def _work(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce) -> Work:
    if dtype not in (torch.float32, torch.bfloat16):
        raise Unsupported(f"rows_triton multiplies float32 and bfloat16 (got {dtype})")
    return Work(matrix, width, dtype, reduce)


def _problem(work: Work) -> Problem:
    matrix = work.matrix
    device, l2_bytes = _device(matrix.device)
    longest = None if matrix.bounded else int(matrix.row_nnz.max()) if matrix.nnz else 0
    return Problem(
        device=device,
        l2_bytes=l2_bytes,
        shape=matrix.shape,
        nnz=matrix.nnz,
        longest=longest,
        width=work.width,
        itemsize=work.dtype.itemsize,
        values=work.values,
        reduce=work.reduce,
    )


def _device(device: torch.device) -> tuple[str, int]:
    """Return a GPU's name and the bytes of its L2."""
    if INTERPRETED:
        return "interpreter", _INTERPRETED_L2_BYTES
    properties = torch.cuda.get_device_properties(device)
    return properties.name, properties.L2_cache_size


def _searched(work: Work) -> Settings:
    """Return the fastest settings, timed on a random operand where none are known and the product is not small."""
    problem = _problem(work)
    if work.matrix.nnz * work.width < _WORTH_TUNING:
        return _tuning.tuned(problem, _file())
    operands: list[torch.Tensor] = []

    def seconds(settings: Settings) -> float:
        if not operands:
            operands.append(_operand(work))
        return _seconds(work, settings, operands[0])

    return _tuning.tune(problem, _file(), seconds)


def _operand(work: Work) -> torch.Tensor:
    """Return a dense operand of random numbers, which a GPU is slower on than on zeros; no generator of the user's is moved."""
    device = work.matrix.device
    own = torch.Generator(device).manual_seed(0)
    return torch.randn(work.matrix.shape[1], work.width, device=device, generator=own).to(work.dtype)


def _seconds(work: Work, settings: Settings, dense: torch.Tensor) -> float:
    """Return the shortest of some calls, the first of which compiles and is not counted; infinite where they do not fit."""
    try:
        multiply = RowsMultiply(work, settings)
        multiply(dense)
        return min(_call_seconds(multiply, dense) for _ in range(_TIMED_CALLS))
    except (OutOfResources, torch.OutOfMemoryError):
        return float("inf")


def _call_seconds(multiply: RowsMultiply, dense: torch.Tensor) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    with torch.cuda.device_of(dense):  # type: ignore[no-untyped-call]
        torch.cuda._sleep(_SPIN_CYCLES)  # type: ignore[no-untyped-call]
        start.record()
        multiply(dense)
        end.record()
    end.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1e3


@cache
def _file() -> Path:
    """Return the file of tuned settings; other code, or another Triton, has other settings that are best."""
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in (source, _row_settings, _rows_multiply))
    text += triton.__version__.encode()
    return _tuning.cache_file(f"rows_triton-{hashlib.blake2b(text, digest_size=6).hexdigest()}")


def missing() -> str | None:
    """Return why `rows_triton` cannot run here, or None."""
    if INTERPRETED:
        return None
    if not torch.cuda.is_available():
        return "no CUDA device: torch sees no NVIDIA GPU (TRITON_INTERPRET=1 runs it on the CPU, to check it)"
    capability = torch.cuda.get_device_capability()
    if capability < (8, 0):
        return f"needs a GPU of compute capability 8.0 or newer (got {capability[0]}.{capability[1]})"
    return None


KERNEL = Kernel(
    name="rows_triton",
    device="cpu" if INTERPRETED else "cuda",
    summary="Ours: tiles of features that stay in the L2, short rows together, long rows in pieces; int32 indices, float32 sums.",
    prepare=prepare,
    role="ours",
    missing=missing,
    prepare_bounded=prepare_bounded,
    separable=True,
    tune=tune,
)
