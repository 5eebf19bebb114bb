"""Calls cuSPARSE for CSR times dense through nvmath-python, with descriptors and workspace made once and used again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any

import torch

from rsc_bench.kernels.contract import Unsupported
from rsc_bench.optional import why_missing
from rsc_bench.text import first_line

ALGORITHMS = ("CSR_ALG2", "CSR_ALG3")
"""Those of nvmath's `SpMMAlg` that NVIDIA names for row-major operands and for irregular rows."""

_DATA = {torch.float32: "CUDA_R_32F", torch.bfloat16: "CUDA_R_16BF"}
_INDEX = {torch.int32: "INDEX_32I", torch.int64: "INDEX_64I"}


def imported() -> Any:
    """Return nvmath-python; it takes the cuSPARSE that a CUDA build of torch has loaded, because torch is imported first."""
    import nvmath
    import nvmath.bindings.cusparse

    return nvmath


def current(device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which `device` is the current one."""
    return torch.cuda.device(device)


def stream(device: torch.device) -> int:
    """Return the address of torch's current stream on `device`."""
    return int(torch.cuda.current_stream(device).cuda_stream)


class Library:
    """cuSPARSE as nvmath-python binds it, what it refuses raised as `Unsupported`, with a handle for each device."""

    def __init__(
        self,
        nvmath: Any,
        current: Callable[[torch.device], AbstractContextManager[object]] = current,
        stream: Callable[[torch.device], int] = stream,
    ) -> None:
        """Take nvmath-python; raises `RuntimeError` where it finds no driver, or no cuSPARSE."""
        self.binding = nvmath.bindings.cusparse
        """cuSPARSE's functions, and its enumerations by their names."""
        self._data_types = nvmath.CudaDataType
        self.binding.get_property(nvmath.LibraryPropertyType.MAJOR_VERSION)  # loads it, and needs no device
        self._handles: dict[torch.device, int] = {}
        self.current = current
        """Makes a device the current one."""
        self.stream = stream
        """Returns the address of the stream on which a device works."""

    def call(self, name: str, *arguments: int) -> Any:
        """Return what a function does, or raise `Unsupported` with the status it returned, or that the library lacks it."""
        try:
            return getattr(self.binding, name)(*arguments)
        except (self.binding.cuSPARSEError, RuntimeError) as error:
            raise Unsupported(f"{name} failed ({first_line(error)})") from None

    def handle(self, device: torch.device) -> int:
        """Return the handle of a device, made while it is the current one; it lives as long as the process."""
        if device not in self._handles:
            self._handles[device] = self.call("create")
        return self._handles[device]

    def data_type(self, dtype: torch.dtype) -> int:
        """Return cuSPARSE's number of a dtype."""
        return int(self._data_types[_DATA[dtype]])

    def index_type(self, dtype: torch.dtype) -> int:
        """Return cuSPARSE's number of a dtype of offsets and columns."""
        return int(self.binding.IndexType[_INDEX[dtype]])


class Loader:
    """Loads cuSPARSE when it is first needed."""

    def __init__(self, imported: Callable[[], Any] = imported) -> None:
        self._imported = imported

    @cached_property
    def library(self) -> Library:
        """cuSPARSE; raises `ModuleNotFoundError` without nvmath-python, and `RuntimeError` where that cannot load it."""
        return Library(self._imported())

    def missing(self) -> str | None:
        """Return why it cannot be used, or None."""
        try:
            _ = self.library
        except ModuleNotFoundError as error:
            if reason := why_missing(error):
                return reason
            raise
        except RuntimeError as error:
            return f"nvmath cannot load cuSPARSE ({first_line(error)}): install a CUDA build of torch of 2.10 or later"
        return None


class Spmm:
    """One sparse matrix times dense ones of one width, by one algorithm."""

    def __init__(self, cusparse: Library, matrix: torch.Tensor, width: int, algorithm: str) -> None:
        """Make descriptors and workspace for a torch CSR `matrix`; raises `Unsupported` where cuSPARSE refuses."""
        self._cusparse, self._matrix = cusparse, matrix
        self._shape = (matrix.shape[0], width)
        binding, dtype = cusparse.binding, matrix.dtype
        with cusparse.current(matrix.device):
            self._handle = cusparse.handle(matrix.device)
            self._a = self._made("destroy_sp_mat", "create_csr", *self._csr())
            # Real memory, though each call sets its own: what is looked at while preparing is up to the library.
            operands = [torch.empty(rows, width, dtype=dtype, device=matrix.device) for rows in (matrix.shape[1], matrix.shape[0])]
            self._b, self._c = map(self._dense, operands)
            self._factors = torch.tensor([1.0, 0.0], dtype=torch.float32, device="cpu")  # read through their addresses
            one, zero = (each.data_ptr() for each in self._factors)
            kinds = (int(binding.Operation.NON_TRANSPOSE),) * 2
            how = (cusparse.data_type(torch.float32), int(binding.SpMMAlg[algorithm]))
            self._product = (self._handle, *kinds, one, self._a, self._b, zero, self._c, *how)
            self._workspace = self._prepared()

    def _made(self, destroy: str, create: str, *arguments: int) -> int:
        made = int(self._cusparse.call(create, *arguments))
        # At the end of the process the library may be gone before this is.
        weakref.finalize(self, partial(self._cusparse.call, destroy, made)).atexit = False
        return made

    def _csr(self) -> tuple[int, ...]:
        """Return what describes the matrix."""
        matrix, cusparse = self._matrix, self._cusparse
        parts = (matrix.crow_indices(), matrix.col_indices(), matrix.values())
        kinds = [cusparse.index_type(part.dtype) for part in parts[:2]]
        addresses = [part.data_ptr() for part in parts]
        kind = (int(cusparse.binding.IndexBase.ZERO), cusparse.data_type(matrix.dtype))
        return (*matrix.shape, parts[2].numel(), *addresses, *kinds, *kind)

    def _dense(self, operand: torch.Tensor) -> int:
        """Return the descriptor of a row-major operand."""
        rows, width = operand.shape
        kind = (self._cusparse.data_type(operand.dtype), int(self._cusparse.binding.Order.ROW))
        return self._made("destroy_dn_mat", "create_dn_mat", rows, width, width, operand.data_ptr(), *kind)

    def _prepared(self) -> torch.Tensor:
        self._on_stream()
        size = int(self._cusparse.call("sp_mm_buffer_size", *self._product))
        workspace = torch.empty(max(1, size), dtype=torch.uint8, device=self._matrix.device)
        self._cusparse.call("sp_mm_preprocess", *self._product, workspace.data_ptr())
        return workspace

    def _on_stream(self) -> None:
        self._cusparse.call("set_stream", self._handle, self._cusparse.stream(self._matrix.device))

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Return the product, computed on torch's current stream."""
        result = torch.empty(self._shape, dtype=dense.dtype, device=dense.device)
        with self._cusparse.current(dense.device):
            self._on_stream()
            self._cusparse.call("dn_mat_set_values", self._b, dense.data_ptr())
            self._cusparse.call("dn_mat_set_values", self._c, result.data_ptr())
            self._cusparse.call("sp_mm", *self._product, self._workspace.data_ptr())
        return result
