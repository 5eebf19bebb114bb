"""Emits the dot product of two dense rows as LLVM vector code, straight on for a whole tile of features."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from rsc_bench.kernels.exact._rows_numba import row_product
from rsc_bench.kernels.exact._rows_numba.row_product import F64, LANES, as_stored, fma, groups, item_bytes, load, pieces

_I32, _I64 = ir.IntType(32), ir.IntType(64)

TILE = 1024
"""Features of which the code is written out: longer rows go round it."""
CHAINS = 4
"""Sums that are kept beside each other: an addition waits for the one before it in its own alone, four cycles on most CPUs."""
REVISION = zlib.crc32(Path(__file__).read_bytes(), row_product.REVISION)
"""Of this file and of the one whose loads it emits, see there."""


@intrinsic
def dot_product(context: Any, width: Any, form: Any, left: Any, right: Any) -> Any:
    """Return the sum of ``left[k] * right[k]`` over `width` features, in float32, of float64 in that.

    Args:
        context: numba's typing context.
        width: literal, 1 to `TILE`.
        form: literal: what both are stored in, a flag of `row_product`; 0: float32.
        left: address of the first feature.
        right: the same of the other row.
    """
    del context
    if not all(isinstance(each, types.IntegerLiteral) for each in (width, form)):
        return None
    features, stored = width.literal_value, form.literal_value
    signature = (types.float64 if stored & F64 else types.float32)(width, form, left, right)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return _folded(builder, _summed(builder, stored, features, (args[2], args[3])))

    return signature, generate


@intrinsic
def store(context: Any, form: Any, total: Any, address: Any) -> Any:
    """Round a sum to what `form`, a literal, says that results are stored in, and store it."""
    del context
    if not isinstance(form, types.IntegerLiteral):
        return None
    stored = form.literal_value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature
        number = ir.VectorType(args[1].type, 1)
        value = as_stored(stored, builder, [builder.insert_element(ir.Constant(number, ir.Undefined), args[1], _I32(0))])
        builder.store(value, builder.inttoptr(args[2], value.type.as_pointer()), align=item_bytes(stored))
        return context.get_dummy_value()

    return types.void(form, total, address), generate


def _summed(b: Any, form: int, width: int, rows: tuple[Any, Any]) -> dict[int, Any]:
    """Emit the products of all features, added up by lane; return a vector of sums for each count of lanes."""
    chains: dict[int, list[Any]] = {}
    for offset, lanes in groups(pieces(width, LANES // 2 if form & F64 else LANES), form):
        at = _I64(item_bytes(form) * offset)
        left, right = (load(form, b, b.add(row, at), lanes) for row in rows)
        for one, other in zip(left, right, strict=True):
            kept = chains.setdefault(one.type.count, [])
            if len(kept) < CHAINS:
                kept.append(b.fmul(one, other))
            else:
                kept.append(fma(b, one, other, kept.pop(0)))
    return {lanes: _added(b, kept) for lanes, kept in chains.items()}


def _added(b: Any, vectors: list[Any]) -> Any:
    """Emit the sum of some vectors, in pairs."""
    while len(vectors) > 1:
        paired = [b.fadd(one, other) for one, other in zip(vectors[::2], vectors[1::2], strict=False)]
        vectors = paired + vectors[2 * len(paired) :]
    return vectors[0]


def _folded(b: Any, sums: dict[int, Any]) -> Any:
    """Emit the sum over all lanes: the upper half onto the lower one, onto what shorter vectors have, and so on."""
    lanes = max(sums)
    total = sums[lanes]
    while lanes > 1:
        lanes //= 2
        lower, upper = (_part(b, total, start, lanes) for start in (0, lanes))
        total = b.fadd(lower, upper)
        if lanes in sums:
            total = b.fadd(total, sums[lanes])
    return b.extract_element(total, _I32(0))


def _part(b: Any, vector: Any, start: int, lanes: int) -> Any:
    places = ir.Constant(ir.VectorType(_I32, lanes), list(range(start, start + lanes)))
    return b.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), places)
