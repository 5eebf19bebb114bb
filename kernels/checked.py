"""Checks what a sparse matrix is made of, and brings it into the form that kernels read.

Compiled code looks at no index: a wrong one makes it read, or write, memory that belongs to something else. Looking at all of them
is one pass over both vectors of indices, 0.2 ns a non-zero on one core, and on a GPU the host waits once.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from rsc_bench.kernels.csr import Csr

INT32_MAX = 2**31 - 1
_WIDTHS = (torch.int32, torch.int64)
"""What indices are looked at in; others are widened first."""
_MAKERS = "Csr.from_scipy, Csr.from_torch and Csr.from_edge_index make right ones"


def parts(matrix: Csr) -> dict[str, Any]:
    """Return the fields of `matrix` as kernels read them: of the right dtypes, contiguous, the shape as two numbers.

    Offsets and columns that are known to be right, see `Csr.trusted`, are not looked at. Raises ``ValueError`` with the matrix, the
    rule, what was found and what to do.
    """
    name, known = called(matrix.name), matrix._known
    rowptr, col, shape, entries = matrix.rowptr, matrix.col, matrix.shape, matrix.entries
    if known is None or known[0] is not rowptr or known[1] is not col or known[2] != shape or known[3] > matrix.bounded:
        shape = size(shape, name)
        rowptr, col = indices(rowptr, col, shape, name, matrix.bounded)
    else:
        _check_length(rowptr, shape[0], name)
    if entries is not None:
        if matrix.scaling is not None:
            raise ValueError(f"{name}: a matrix has a value a non-zero or a scaling (got both): leave one of them out")
        entries = values(entries, "value", "one entry a non-zero", (len(col), col.device), name)
    elif matrix.scaling is not None:
        for part, of, count in zip((matrix.scaling.rows, matrix.scaling.columns), ("rows", "columns"), shape, strict=True):
            if part is not None:
                values(part, f"{of} of the scaling", f"one entry for each of the {of}", (count, col.device), name)
    return {"rowptr": rowptr, "col": col, "entries": entries, "shape": shape, "_known": (rowptr, col, shape, matrix.bounded)}


def called(name: str) -> str:
    """Return what a matrix is called in errors."""
    return name or "matrix"


def size(shape: Any, name: str) -> tuple[int, int]:
    """Return a shape as two whole numbers that int32 columns can count, also those of the transpose."""
    try:
        rows, columns = map(index, shape)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: shape must be two whole numbers, (rows, columns) (got {shape!r})") from None
    for what, count in (("rows", rows), ("columns", columns)):
        if not 0 <= count <= INT32_MAX:
            rule = f"must be at most {INT32_MAX}" if count > 0 else "must be at least 0"
            raise ValueError(f"{name}: {what} {rule} (got {count}): kernels count them in int32")
    return rows, columns


def indices(rowptr: Any, col: Any, shape: tuple[int, int], name: str, bounded: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Return row offsets, int32 or int64, and columns, int32, both contiguous; waits for the device once, where bounded twice.

    Args:
        rowptr: (rows + 1,), of any integer dtype.
        col: (nnz,), of any integer dtype, on the same device.
        shape: rows, columns.
        name: what the matrix is called in errors.
        bounded: `col` may be longer than the offsets say, and what stands behind is not looked at.
    """
    offsets, columns = integers(rowptr, "rowptr", name), integers(col, "col", name)
    _check_length(offsets, shape[0], name)
    if offsets.device != columns.device:
        found = f"got {offsets.device} and {columns.device}"
        raise ValueError(f"{name}: rowptr and col must be on one device ({found}): move one of them with .to()")
    if not offsets.is_meta:  # which has no numbers to look at
        used = columns[: max(0, int(offsets[-1]))] if bounded else columns
        facts = _facts(offsets, used)
        _check_offsets(offsets, facts[:3], len(used), name)
        if len(used):
            _check_range((facts[3], facts[4]), shape[1], f"column indices must lie in [0, {shape[1]})", name)
    return offsets if rowptr.dtype in _WIDTHS else fit(offsets), columns.int()


def fit(rowptr: torch.Tensor) -> torch.Tensor:
    """Return offsets in int32 where the number of non-zeros allows it: half the bytes, and what vendor libraries run fastest on."""
    return rowptr.int() if int(rowptr[-1]) <= INT32_MAX else rowptr.long()


def integers(part: Any, what: str, name: str) -> torch.Tensor:
    """Return a vector of indices, int32 or int64 and contiguous; raises ``ValueError`` where it is no vector of integers."""
    tensor = _vector(part, what, name)
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool:
        raise ValueError(f"{name}: {what} must hold integers (got {word(tensor.dtype)}): convert it with .long()")
    # torch compares no uint16 to uint64; what is too large for int64 becomes negative, and is refused as that.
    return (tensor if tensor.dtype in _WIDTHS else tensor.long()).contiguous()


def within(found: torch.Tensor, count: int, rule: str, name: str, remedy: str = "") -> None:
    """Raise ``ValueError`` with the rule where an index lies outside of [0, count); waits for the device."""
    if found.numel():
        least, most = torch.stack(torch.aminmax(found)).tolist()
        _check_range((least, most), count, rule, name, remedy)


def values(part: Any, what: str, rule: str, of: tuple[int, torch.device], name: str) -> torch.Tensor:
    """Return a vector of numbers, contiguous; `of` says how many it must have, and where."""
    tensor, (count, device) = _vector(part, what, name), of
    if len(tensor) != count:
        raise ValueError(f"{name}: {what} must have {rule}, {count} (got {len(tensor)})")
    if tensor.is_complex():
        raise ValueError(f"{name}: {what} must be real (got {word(tensor.dtype)}): take its .real")
    if tensor.device != device:
        raise ValueError(f"{name}: {what} must be on {device}, where the indices are (got {tensor.device}): move it with .to()")
    return tensor if tensor.is_contiguous() else tensor.contiguous()


def kind(value: object) -> str:
    """Return what something is, for an error about its type."""
    return "None" if value is None else type(value).__name__


def word(value: object) -> str:
    """Return a dtype or layout of torch as people call it."""
    return str(value).removeprefix("torch.")


def _check_length(rowptr: torch.Tensor, rows: int, name: str) -> None:
    if len(rowptr) != rows + 1:
        raise ValueError(f"{name}: rowptr must have rows + 1 = {rows + 1} entries (got {len(rowptr)}): see its shape")


def _facts(offsets: torch.Tensor, used: torch.Tensor) -> list[int]:
    """Return the first offset, the last, whether they ever descend, the least column and the largest, in one wait."""
    span = torch.aminmax(used) if len(used) else (offsets[0], offsets[0])
    found = (offsets[0], offsets[-1], (offsets[1:] < offsets[:-1]).any(), *span)
    facts: list[int] = torch.stack([part.long() for part in found]).tolist()
    return facts


def _check_offsets(offsets: torch.Tensor, facts: list[int], nnz: int, name: str) -> None:
    first, last, descending = facts
    if first != 0:
        raise ValueError(f"{name}: rowptr must start at 0 (got {first}): it says where in col each row starts; {_MAKERS}")
    if descending:
        row = int((offsets[1:] < offsets[:-1]).nonzero()[0])
        before, after = offsets[row : row + 2].tolist()
        why = "what int32 cannot hold is to be counted in int64" if after < 0 else _MAKERS
        raise ValueError(f"{name}: rowptr must not descend (got {after} after {before}, at entry {row + 1}): {why}")
    if last != nnz:
        raise ValueError(f"{name}: rowptr must end at the length of col, {nnz} (got {last}): give both of one matrix; {_MAKERS}")


def _check_range(found: tuple[int, int], count: int, rule: str, name: str, remedy: str = "") -> None:
    least, most = found
    if least < 0 or most >= count:
        remedy = remedy or "they count from 0, and shape says how many there are"
        raise ValueError(f"{name}: {rule} (got {least} to {most}): {remedy}")


def _vector(part: Any, what: str, name: str) -> torch.Tensor:
    if not isinstance(part, torch.Tensor):
        maker = "torch.from_numpy" if hasattr(part, "__array__") else "torch.tensor"
        raise ValueError(f"{name}: {what} must be a torch tensor (got {kind(part)}): {maker} makes one")
    if part.layout is not torch.strided or part.dim() != 1:
        found = f"shape {tuple(part.shape)}" if part.layout is torch.strided else f"layout {word(part.layout)}"
        raise ValueError(f"{name}: {what} must be 1-D (got {found})")
    return part
