"""Emits the inner loop of one CSR row as LLVM vector code, with a whole tile of features kept in registers.

Numba's own loop keeps the result row in memory and loads and stores it for every non-zero. Here the sums stay in vector
registers from the first non-zero to the last, which was measured at 1.8 to 2.6 times that loop (docs/how-it-works/cpu-kernels.md).
"""

from __future__ import annotations

import platform
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rsc_bench.kernels.prefetch import LINE_BYTES, ask_for

_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_F16, _F32, _F64 = ir.HalfType(), ir.FloatType(), ir.DoubleType()

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f", False))
LANES = 16 if _WIDE else 8
"""float32 lanes of a vector register; it has half as many of float64."""
TILE = LANES * (16 if _WIDE else 8)
"""float32 sums kept at once: half of the 32 (AVX-512) or all but a few of the 16 (AVX2) vector registers."""

REVISION = zlib.crc32(Path(__file__).read_bytes())
"""Of this file. Numba keeps compiled code by the source of who calls it alone, and would go on with what an older file emitted."""
BF16 = 1
"""Operand and result are bfloat16; the sums are float32 all the same."""
WEIGHTED = 2
"""There are values; without the flag they are all one."""
FACTORED = 4
"""Each sum is multiplied by a factor of its row: 1/deg for a mean, the row's share of separable values, or both."""
STREAMED = 8
"""Stores go past the caches; rows of the result must then start on cache lines."""
BY_COLUMN = 16
"""With `WEIGHTED`: there is a value a column, not one a non-zero."""
F16 = 32
"""Operand and result are float16; the sums are float32 all the same."""
F64 = 64
"""Operand, result, values, factors and sums are float64."""


def pieces(width: int, lanes: int = LANES) -> list[tuple[int, int]]:
    """Return (offset, lanes) of the vectors that cover `width` features: full ones, then halves down to one lane."""
    cover, offset = [], 0
    while lanes:
        while width - offset >= lanes:
            cover.append((offset, lanes))
            offset += lanes
        lanes //= 2
    return cover


def no_half() -> str | None:
    """Return why compiled code cannot read float16 on this CPU; None where it can."""
    if platform.machine() in ("x86_64", "AMD64") and not llvm.get_host_cpu_features().get("f16c", False):
        return "our kernels multiply float16 where the CPU converts it (this one has no F16C): use float32 or bfloat16"
    return None


@intrinsic
def row_product(context: Any, width: Any, form: Any, fetch: Any, row: Any, dense: Any, result: Any) -> Any:  # noqa: PLR0913
    """Sum ``value[e] * dense[col[e]]`` over the non-zeros e of one row, for `width` features, and store the sums.

    Of separable values it is ``factor * value[col[e]] * dense[col[e]]``: no value a non-zero is read.

    Args:
        context: numba's typing context.
        width: literal, 1 to `TILE`: features to sum.
        form: literal, a sum of the flags above.
        fetch: literal: so many non-zeros ahead of its turn a dense row is asked for; 0: never.
        row: (col address, value address, first, last + 1, factor, end): the non-zeros, what their sum is multiplied by, and how
            many columns there are in all, which is how far can be looked ahead.
        dense: (address of the first feature of row 0, bytes a row).
        result: address of the first feature of the row's result.
    """
    del context
    if not all(isinstance(each, types.IntegerLiteral) for each in (width, form, fetch)):
        return None
    signature = types.void(width, form, fetch, row, dense, result)
    emitter = _Emitter(width.literal_value, form.literal_value, fetch.literal_value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature
        parts = [cgutils.unpack_tuple(builder, args[index]) for index in (3, 4)]  # type: ignore[no-untyped-call]
        emitter.emit(builder, parts[0], parts[1], args[5])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def store_fence(context: Any) -> Any:
    """Make streamed stores visible to every thread before anything that follows."""
    del context

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature, args
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


class _Emitter:
    """Writes the loop for one width and form."""

    def __init__(self, width: int, form: int, fetch: int) -> None:
        self.form, self.fetch = form, fetch
        self.weighted, self.factored = (bool(form & flag) for flag in (WEIGHTED, FACTORED))
        self.streamed, self.by_column = (bool(form & flag) for flag in (STREAMED, BY_COLUMN))
        self.bytes = item_bytes(form)
        self.real = _F64 if form & F64 else _F32
        cover = pieces(width, LANES // 2 if form & F64 else LANES)
        self.load = partial(load, form)
        self.groups = groups(cover, form)
        self.vectors = [ir.VectorType(self.real, lanes) for _, lanes in cover]
        self.line_bytes = range(0, (width - 1) * self.bytes + 1, LINE_BYTES)

    def emit(self, b: Any, row: list[Any], dense: list[Any], result: Any) -> None:
        """Emit the loop and the stores at the builder's position, and leave the builder behind them."""
        _, _, first, last, factor, _ = row
        before, loop, done = b.block, b.append_basic_block("nonzeros"), b.append_basic_block("store")
        b.cbranch(b.icmp_signed("<", first, last), loop, done)
        b.position_at_end(loop)
        entry = b.phi(_I64)
        sums = [b.phi(vector) for vector in self.vectors]
        added = self._add(b, row, dense, entry, sums)
        after = b.add(entry, _I64(1))
        for phi, start, step in zip([entry, *sums], [first, *map(_zeros, self.vectors)], [after, *added], strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(step, loop)
        b.cbranch(b.icmp_signed("<", after, last), loop, done)
        b.position_at_end(done)
        self._store(b, [_either(b, total, before, loop) for total in added], factor, result)

    def _add(self, b: Any, row: list[Any], dense: list[Any], entry: Any, sums: list[Any]) -> list[Any]:
        """Emit one non-zero: its dense row times its value, onto the sums."""
        if self.fetch:
            self._ask_ahead(b, row, dense, entry)
        column, start = _dense_row(b, row, dense, entry)
        features = [each for offset, lanes in self.groups for each in self.load(b, b.add(start, _I64(self.bytes * offset)), lanes)]
        if not self.weighted:
            return [b.fadd(total, feature) for total, feature in zip(sums, features, strict=True)]
        value = b.load(b.gep(b.inttoptr(row[1], self.real.as_pointer()), [column if self.by_column else entry]))
        return [fma(b, f, _broadcast(b, value, f.type), total) for total, f in zip(sums, features, strict=True)]

    def _ask_ahead(self, b: Any, row: list[Any], dense: list[Any], entry: Any) -> None:
        """Ask for the dense row of a later non-zero, of this row or one behind it; of the last one where there is none."""
        last, later = b.sub(row[5], _I64(1)), b.add(entry, _I64(self.fetch))
        _, start = _dense_row(b, row, dense, b.select(b.icmp_signed("<", later, last), later, last))
        for line in self.line_bytes:
            ask_for(b, b.add(start, _I64(line)))

    def _store(self, b: Any, sums: list[Any], factor: Any, result: Any) -> None:
        left = iter([b.fmul(total, _broadcast(b, factor, total.type)) if self.factored else total for total in sums])
        for offset, lanes in self.groups:
            value = as_stored(self.form, b, [next(left) for _ in lanes])
            address = b.inttoptr(b.add(result, _I64(self.bytes * offset)), value.type.as_pointer())
            stored = b.store(value, address, align=sum(lanes) * self.bytes if self.streamed else self.bytes)
            if self.streamed:
                stored.set_metadata("nontemporal", b.module.add_metadata([_I32(1)]))


def item_bytes(form: int) -> int:
    """Return the bytes of a number of the operand and the result."""
    return 2 if form & (BF16 | F16) else 8 if form & F64 else 4


def groups(cover: list[tuple[int, int]], form: int) -> list[tuple[int, list[int]]]:
    """Return (offset, lanes of each vector): two like vectors beside each other are one group where numbers have two bytes.

    A group is loaded and stored as one.
    """
    found: list[tuple[int, list[int]]] = []
    for offset, lanes in cover:
        if form & (BF16 | F16) and found and found[-1][1] == [lanes]:
            found[-1][1].append(lanes)
        else:
            found.append((offset, [lanes]))
    return found


def load(form: int, b: Any, address: Any, lanes: list[int]) -> list[Any]:
    """Emit the load of a group's vectors, one or two, as what sums are made of."""
    if form & BF16:
        return _from_bf16(b, address, lanes)
    size = item_bytes(form)
    if form & F16:
        each = [b.add(address, _I64(size * lanes[0] * place)) for place in range(len(lanes))]
        halves = [b.load(b.inttoptr(at, ir.VectorType(_F16, n).as_pointer()), align=2) for at, n in zip(each, lanes, strict=True)]
        return [b.fpext(half, ir.VectorType(_F32, half.type.count)) for half in halves]
    real = _F64 if form & F64 else _F32
    return [b.load(b.inttoptr(address, ir.VectorType(real, lanes[0]).as_pointer()), align=size)]


def as_stored(form: int, b: Any, sums: list[Any]) -> Any:
    """Emit the rounding of a group's sums to what the result is stored in."""
    if form & BF16:
        return _to_bf16(b, sums)
    whole = sums[0] if len(sums) == 1 else b.shuffle_vector(*sums, _places(2 * sums[0].type.count))
    return b.fptrunc(whole, ir.VectorType(_F16, whole.type.count)) if form & F16 else whole


def _dense_row(b: Any, row: list[Any], dense: list[Any], entry: Any) -> tuple[Any, Any]:
    """The column of a non-zero, and the address of its first feature."""
    column = b.sext(b.load(b.gep(b.inttoptr(row[0], _I32.as_pointer()), [entry])), _I64)
    return column, b.add(dense[0], b.mul(column, dense[1]))


def _places(count: int) -> Any:
    return ir.Constant(ir.VectorType(_I32, count), list(range(count)))


def _zeros(vector: Any) -> Any:
    return ir.Constant(vector, [0.0] * vector.count)


def _splat(vector: Any, number: int) -> Any:
    return ir.Constant(vector, [number] * vector.count)


def _either(b: Any, total: Any, before: Any, loop: Any) -> Any:
    """The sum where the row had non-zeros, else zeros."""
    phi = b.phi(total.type)
    phi.add_incoming(_zeros(total.type), before)
    phi.add_incoming(total, loop)
    return phi


def _broadcast(b: Any, scalar: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    lanes = ir.VectorType(_I32, vector.count)
    return b.shuffle_vector(b.insert_element(undefined, scalar, _I32(0)), undefined, _splat(lanes, 0))


def fma(b: Any, left: Any, right: Any, addend: Any) -> Any:
    """Emit ``left * right + addend`` of vectors, rounded once."""
    vector = left.type
    kind = ir.FunctionType(vector, [vector] * 3)
    name = f"llvm.fma.v{vector.count}{'f64' if vector.element == _F64 else 'f32'}"
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), [left, right, addend])  # type: ignore[no-untyped-call]


def _from_bf16(b: Any, address: Any, lanes: list[int]) -> list[Any]:
    """Load bfloat16 as float32; of a group of two the even features, then the odd ones, which a shift and a mask take apart."""
    words = ir.VectorType(_I32, lanes[0])
    if len(lanes) == 1:
        halves = b.load(b.inttoptr(address, ir.VectorType(_I16, lanes[0]).as_pointer()), align=2)
        found = [b.shl(b.zext(halves, words), _splat(words, 16))]
    else:
        both = b.load(b.inttoptr(address, words.as_pointer()), align=2)
        found = [b.shl(both, _splat(words, 16)), b.and_(both, _splat(words, 0xFFFF0000))]
    return [b.bitcast(each, ir.VectorType(_F32, lanes[0])) for each in found]


def _to_bf16(b: Any, sums: list[Any]) -> Any:
    """Round float32 to bfloat16; of a group of two the even features and the odd ones are put together again."""
    words = ir.VectorType(_I32, sums[0].type.count)
    high = [_rounded(b, each) for each in sums]
    if len(high) == 1:
        return b.trunc(b.lshr(high[0], _splat(words, 16)), ir.VectorType(_I16, words.count))
    both = b.or_(b.lshr(high[0], _splat(words, 16)), b.and_(high[1], _splat(words, 0xFFFF0000)))
    return b.bitcast(both, ir.VectorType(_I16, 2 * words.count))


def _rounded(b: Any, value: Any) -> Any:
    """The nearest bfloat16 in the upper half, ties to even; a NaN stays one, which plain rounding of the bits would not keep."""
    words = ir.VectorType(_I32, value.type.count)
    bits = b.bitcast(value, words)
    even = b.and_(b.lshr(bits, _splat(words, 16)), _splat(words, 1))
    rounded = b.add(bits, b.add(even, _splat(words, 0x7FFF)))
    return b.select(b.fcmp_unordered("uno", value, value), _splat(words, 0x7FC00000), rounded)
