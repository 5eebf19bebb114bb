"""Binds what cuSPARSE's generic API offers for CSR times dense, with descriptors and workspace made once and used again."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from ctypes import POINTER, byref, c_float, c_int, c_int64, c_size_t, c_void_p
from functools import cached_property, partial
from typing import Any

import torch

from rsc_bench.kernels.contract import Unsupported

LIBRARY = "libcusparse.so.12"
"""The one that a CUDA build of torch has loaded already: the CUDA 12 and the CUDA 13 toolkits both name it so."""
ALGORITHMS = {"CSR_ALG2": 6, "CSR_ALG3": 12}
"""Those of `cusparseSpMMAlg_t` that NVIDIA names for row-major operands and for irregular rows."""

# Enumerations of cusparse.h and library_types.h.
_DATA = {torch.float32: 0, torch.bfloat16: 14}
_INDEX = {torch.int32: 2, torch.int64: 3}
_FLOAT32, _ROW_MAJOR, _NOT_TRANSPOSED, _FROM_ZERO = 0, 2, 0, 0

_NEW = POINTER(c_void_p)
_PRODUCT = (c_void_p, c_int, c_int, POINTER(c_float), c_void_p, c_void_p, POINTER(c_float), c_void_p, c_int, c_int)
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cusparseCreate": (_NEW,),
    "cusparseSetStream": (c_void_p, c_void_p),
    "cusparseCreateCsr": (_NEW, c_int64, c_int64, c_int64, c_void_p, c_void_p, c_void_p, c_int, c_int, c_int, c_int),
    "cusparseCreateDnMat": (_NEW, c_int64, c_int64, c_int64, c_void_p, c_int, c_int),
    "cusparseDnMatSetValues": (c_void_p, c_void_p),
    "cusparseDestroySpMat": (c_void_p,),
    "cusparseDestroyDnMat": (c_void_p,),
    "cusparseSpMM_bufferSize": (*_PRODUCT, POINTER(c_size_t)),
    "cusparseSpMM_preprocess": (*_PRODUCT, c_void_p),
    "cusparseSpMM": (*_PRODUCT, c_void_p),
}
"""Argument types of each function that is used; all return a status, 0 for success."""


def current(device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which `device` is the current one."""
    return torch.cuda.device(device)


def stream(device: torch.device) -> int:
    """Return the address of torch's current stream on `device`."""
    return int(torch.cuda.current_stream(device).cuda_stream)


class Library:
    """cuSPARSE, its functions typed and their status looked at, with a handle for each device."""

    def __init__(
        self,
        functions: Any,
        current: Callable[[torch.device], AbstractContextManager[object]] = current,
        stream: Callable[[torch.device], int] = stream,
    ) -> None:
        """Take the functions from an object that has them; raises `AttributeError` where one is missing."""
        self._functions = {name: _typed(getattr(functions, name), types) for name, types in SIGNATURES.items()}
        self._handles: dict[torch.device, c_void_p] = {}
        self.current = current
        """Makes a device the current one."""
        self.stream = stream
        """Returns the address of the stream on which a device works."""

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function, or raise `Unsupported` with the status it returned."""
        status = self._functions[name](*arguments)
        if status:
            raise Unsupported(f"{name} returned the status {status} (cusparseStatus_t)")

    def create(self, name: str, *arguments: Any) -> c_void_p:
        """Return what a function makes."""
        made = c_void_p()
        self.call(name, byref(made), *arguments)
        return made

    def handle(self, device: torch.device) -> c_void_p:
        """Return the handle of a device, made while it is the current one; it lives as long as the process."""
        if device not in self._handles:
            self._handles[device] = self.create("cusparseCreate")
        return self._handles[device]


def _typed(function: Any, types: tuple[Any, ...]) -> Any:
    function.argtypes, function.restype = types, c_int
    return function


class Loader:
    """Loads cuSPARSE when it is first needed."""

    def __init__(self, name: str = LIBRARY) -> None:
        self._name = name

    @cached_property
    def library(self) -> Library:
        """cuSPARSE; raises `OSError` or `AttributeError` where it cannot be loaded or is too old."""
        return Library(ctypes.CDLL(self._name))

    def missing(self) -> str | None:
        """Return why it cannot be used, or None."""
        try:
            _ = self.library
        except (OSError, AttributeError) as error:
            return f"{self._name} cannot be used ({error}): install a CUDA build of torch of 2.10 or later"
        return None


class Spmm:
    """One sparse matrix times dense ones of one width, by one algorithm."""

    def __init__(self, cusparse: Library, matrix: torch.Tensor, width: int, algorithm: int) -> None:
        """Make descriptors and workspace for a torch CSR `matrix`; raises `Unsupported` where cuSPARSE refuses."""
        self._cusparse, self._matrix = cusparse, matrix
        self._shape = (matrix.shape[0], width)
        dtype = matrix.dtype
        with cusparse.current(matrix.device):
            self._handle = cusparse.handle(matrix.device)
            self._a = self._made("cusparseDestroySpMat", "cusparseCreateCsr", *_csr(matrix))
            # Real memory, though each call sets its own: what is looked at while preparing is up to the library.
            operands = [torch.empty(rows, width, dtype=dtype, device=matrix.device) for rows in (matrix.shape[1], matrix.shape[0])]
            self._b, self._c = map(self._dense, operands)
            self._one, self._zero = c_float(1.0), c_float(0.0)
            factors = (byref(self._one), self._a, self._b, byref(self._zero), self._c)
            self._product = (self._handle, _NOT_TRANSPOSED, _NOT_TRANSPOSED, *factors, _FLOAT32, algorithm)
            self._workspace = self._prepared()

    def _made(self, destroy: str, create: str, *arguments: Any) -> c_void_p:
        made = self._cusparse.create(create, *arguments)
        # At the end of the process the library may be gone before this is.
        weakref.finalize(self, partial(self._cusparse.call, destroy), made).atexit = False
        return made

    def _dense(self, operand: torch.Tensor) -> c_void_p:
        """Return the descriptor of a row-major operand."""
        rows, width = operand.shape
        kind = (operand.data_ptr(), _DATA[operand.dtype], _ROW_MAJOR)
        return self._made("cusparseDestroyDnMat", "cusparseCreateDnMat", rows, width, width, *kind)

    def _prepared(self) -> torch.Tensor:
        size = c_size_t()
        self._on_stream()
        self._cusparse.call("cusparseSpMM_bufferSize", *self._product, byref(size))
        workspace = torch.empty(max(1, size.value), dtype=torch.uint8, device=self._matrix.device)
        self._cusparse.call("cusparseSpMM_preprocess", *self._product, workspace.data_ptr())
        return workspace

    def _on_stream(self) -> None:
        self._cusparse.call("cusparseSetStream", self._handle, self._cusparse.stream(self._matrix.device))

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product, computed on torch's current stream."""
        result = torch.empty(self._shape, dtype=dense.dtype, device=dense.device)
        with self._cusparse.current(dense.device):
            self._on_stream()
            self._cusparse.call("cusparseDnMatSetValues", self._b, dense.data_ptr())
            self._cusparse.call("cusparseDnMatSetValues", self._c, result.data_ptr())
            self._cusparse.call("cusparseSpMM", *self._product, self._workspace.data_ptr())
        return result


def _csr(matrix: torch.Tensor) -> tuple[int, ...]:
    parts = (matrix.crow_indices(), matrix.col_indices(), matrix.values())
    kinds = (*(_INDEX[part.dtype] for part in parts[:2]), _FROM_ZERO, _DATA[matrix.dtype])
    return (*matrix.shape, parts[2].numel(), *(part.data_ptr() for part in parts), *kinds)
