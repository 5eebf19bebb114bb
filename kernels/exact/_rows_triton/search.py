"""Finds the settings that multiply a matrix fastest, by timing each on the device, and prepares with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from triton.runtime.errors import OutOfResources

from rsc_bench.kernels.contract import Multiply, Reduce, Unsupported
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact._rows_triton.multiply import RowsMultiply, Work
from rsc_bench.kernels.exact._rows_triton.settings import Problem, Settings
from rsc_bench.kernels.exact._rows_triton.tuning import Tuned

TIMED_CALLS = 5
_SPIN_CYCLES = 1_000_000
"""Half a millisecond of the device in front of each: launching the kernels from Python takes a fifth of that."""


@dataclass(frozen=True)
class Gpu:
    """What of a GPU decides which settings are fastest."""

    name: str
    l2_bytes: int


def gpu(device: torch.device) -> Gpu:
    """Return what a CUDA device says of itself."""
    properties = torch.cuda.get_device_properties(device)
    return Gpu(properties.name, properties.L2_cache_size)


def call_seconds(multiply: Multiply, dense: torch.Tensor) -> float:
    """Return the seconds of one call by the device's own clock; waits for the device."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    with torch.cuda.device_of(dense):  # type: ignore[no-untyped-call]
        torch.cuda._sleep(_SPIN_CYCLES)  # type: ignore[no-untyped-call]
        start.record()
        multiply(dense)
        end.record()
    end.synchronize()
    milliseconds: float = start.elapsed_time(end)
    return milliseconds / 1e3


@dataclass(frozen=True, eq=False)
class RowsTriton:
    """Prepares `rows_triton`, and remembers which settings were fastest."""

    tuned: Callable[[], Tuned]
    """The settings that are known; called when the first are needed."""
    gpu: Callable[[torch.device], Gpu] = gpu
    """Describes a device."""
    seconds: Callable[[RowsMultiply, torch.Tensor], float] | None = call_seconds
    """Times one call; None: nothing can be timed, and nothing is searched for."""
    worth_tuning: int = 1 << 24
    """Products of a non-zero and a feature from which on a multiply takes longer than its launches."""

    def prepare(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> RowsMultiply:
        """Return the multiply for `matrix`; its settings, for the degrees, width and dtype, are searched for unless `tune` has.

        For a bounded matrix the host waits for nothing: its settings are those that `tune` found for its like, else a guess.

        Raises:
            Unsupported: for a dtype other than float32 and bfloat16.
        """
        work = _work(matrix, width, dtype, reduce)
        return RowsMultiply(work, self._tuned.known(self._problem(work)) if matrix.bounded else self._searched(work))

    def prepare_bounded(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> RowsMultiply:
        """Return the multiply for a matrix whose rows only the device knows; see `prepare`."""
        return self.prepare(matrix if matrix.bounded else replace(matrix, bounded=True), width, dtype, reduce)

    def tune(self, matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
        """Search for the settings that matrices like this one are prepared with, and compile with them."""
        if self.seconds is not None:
            work = _work(matrix, width, dtype, reduce)
            RowsMultiply(work, self._searched(work))(_operand(work))

    @cached_property
    def _tuned(self) -> Tuned:
        return self.tuned()

    def _searched(self, work: Work) -> Settings:
        """Return the fastest settings, timed on a random operand where none are known and the product is not small."""
        problem = self._problem(work)
        if self.seconds is None or work.matrix.nnz * work.width < self.worth_tuning:
            return self._tuned.known(problem)
        trial = _Trial(work, self.seconds)
        return self._tuned.tune(problem, trial.seconds)

    def _problem(self, work: Work) -> Problem:
        matrix, found = work.matrix, self.gpu(work.matrix.device)
        longest = None if matrix.bounded else int(matrix.row_nnz.max()) if matrix.nnz else 0
        return Problem(
            device=found.name,
            l2_bytes=found.l2_bytes,
            shape=matrix.shape,
            nnz=matrix.nnz,
            longest=longest,
            width=work.width,
            itemsize=work.dtype.itemsize,
            values=work.values,
            reduce=work.reduce,
        )


@dataclass(frozen=True, eq=False)
class _Trial:
    """Times settings on one piece of work."""

    work: Work
    call_seconds: Callable[[RowsMultiply, torch.Tensor], float]

    @cached_property
    def _dense(self) -> torch.Tensor:
        return _operand(self.work)

    def seconds(self, settings: Settings) -> float:
        """Return the shortest of some calls, the first of which compiles and is not counted; infinite where they do not fit."""
        try:
            multiply = RowsMultiply(self.work, settings)
            multiply(self._dense)
            return min(self.call_seconds(multiply, self._dense) for _ in range(TIMED_CALLS))
        except (OutOfResources, torch.OutOfMemoryError):
            return float("inf")


def _work(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce) -> Work:
    if dtype not in (torch.float32, torch.bfloat16):
        raise Unsupported(f"rows_triton multiplies float32 and bfloat16 (got {dtype})")
    return Work(matrix, width, dtype, reduce)


def _operand(work: Work) -> torch.Tensor:
    """Return a dense operand of random numbers, which a GPU is slower on than on zeros; no generator of the user's is moved."""
    device = work.matrix.device
    own = torch.Generator(device).manual_seed(0)
    return torch.randn(work.matrix.shape[1], work.width, device=device, generator=own).to(work.dtype)
