"""MKL's CSR SpMM after its inspection, through sparse-dot-mkl: the vendor's kernel on a CPU at its best."""

from __future__ import annotations

import ctypes
import os
import weakref
from ctypes.util import find_library
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from rsc_bench.kernels.contract import Kernel, Multiply, Reduce
from rsc_bench.kernels.csr import Csr
from rsc_bench.kernels.exact import scipy
from rsc_bench.optional import lacking

_CALLS = 1000
"""That are to be expected, as MKL is told: the inspection pays for itself over a training."""
# Enumerations of mkl_spblas.h.
_NOT_TRANSPOSED, _ROW_MAJOR, _SUCCESS = 10, 101, 0


class Inspected:
    """A product whose matrix MKL has inspected for one width; it holds MKL's handle and the arrays behind it."""

    def __init__(self, matrix: Csr, width: int, dtype: torch.dtype) -> None:
        """Make the handle and inspect.

        Raises:
            Unsupported: for dtypes other than float32 and float64.
            RuntimeError: where MKL refuses, with the status that it gives.
        """
        self._operand = scipy.scipy_csr(matrix, dtype)
        self._interface, self._width, self._dtype = _interface(), width, dtype
        self._mkl = self._interface.MKL
        self._real = ctypes.c_double if dtype is torch.float64 else ctypes.c_float
        self._multiply = self._mkl._mkl_sparse_d_mm if dtype is torch.float64 else self._mkl._mkl_sparse_s_mm
        self._description = self._interface.matrix_descr()
        self._handle, *_ = self._interface._create_mkl_sparse(self._operand)
        weakref.finalize(self, self._interface._destroy_mkl_handle, self._handle)
        self._inspect()

    def _inspect(self) -> None:
        library = _library(self._interface)
        whole = self._mkl.MKL_INT
        hint = (self._handle, ctypes.c_int(_NOT_TRANSPOSED), self._description, ctypes.c_int(_ROW_MAJOR))
        _check("mkl_sparse_set_mm_hint", library.mkl_sparse_set_mm_hint(*hint, whole(self._width), whole(_CALLS)))
        _check("mkl_sparse_optimize", library.mkl_sparse_optimize(self._handle))

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product."""
        result = torch.empty(self._operand.shape[0], self._width, dtype=self._dtype)
        target = ctypes.cast(result.data_ptr(), ctypes.POINTER(self._real))
        form = (_NOT_TRANSPOSED, 1.0, self._handle, self._description, _ROW_MAJOR)
        array = dense.detach().numpy()
        _check("mkl_sparse_mm", self._multiply(*form, array, self._width, self._width, 0.0, target, self._width))
        return result


def prepare(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> Multiply:
    """Return MKL's inspected multiply, on as many threads as torch has; mean aggregation is a scaling of the rows, done here once.

    Raises:
        Unsupported: for dtypes other than float32 and float64.
    """
    matrix = matrix.mean() if reduce == "mean" else matrix
    if 0 in (*matrix.shape, matrix.nnz):  # MKL refuses a matrix without entries
        return scipy.prepare(matrix, width, dtype)
    _interface().MKL._mkl_set_num_threads(torch.get_num_threads())
    return Inspected(matrix, width, dtype)


def load(matrix: Csr, width: int, dtype: torch.dtype, reduce: Reduce = "sum") -> None:
    """Load MKL before the time to prepare is taken."""
    del matrix, width, dtype, reduce
    _interface()


@cache
def _interface() -> Any:
    """Import sparse-dot-mkl: it looks for MKL's library where a virtual environment has none, so it is told where that is.

    MKL is told to use GNU's OpenMP, as torch does: two runtimes are two pools of threads, which wait on each other's cores.
    """
    if (library := _installed_library()) is not None:
        os.environ.setdefault("MKL_RT", library)
    os.environ.setdefault("MKL_THREADING_LAYER", "GNU")
    from sparse_dot_mkl import _mkl_interface

    return _mkl_interface


def _library(interface: Any) -> ctypes.CDLL:
    library: ctypes.CDLL = interface._cfunctions._libmkl
    return library


def _installed_library() -> str | None:
    """Path of the MKL that was installed as a wheel; None: there is none."""
    try:
        files = metadata.files("mkl") or []
    except metadata.PackageNotFoundError:
        return None
    found = [Path(str(path.locate())).resolve() for path in files if "mkl_rt" in path.name]
    return str(found[0]) if found else None


def _check(function: str, status: int) -> None:
    if status != _SUCCESS:
        raise RuntimeError(f"{function} of MKL gave status {status}")


def missing() -> str | None:
    """Return why MKL cannot be called through sparse-dot-mkl, or None."""
    if (reason := lacking("sparse_dot_mkl")) is not None:
        return reason
    found = os.environ.get("MKL_RT") or _installed_library() or find_library("mkl_rt")
    return None if found else "MKL's library mkl_rt is not found: pip install mkl, or name it by MKL_RT"


KERNEL = Kernel(
    name="mkl_inspected",
    device="cpu",
    summary="MKL through sparse-dot-mkl, inspected once for the width and many calls; int32 indices.",
    prepare=prepare,
    role="baseline",
    missing=missing,
    tune=load,
)
