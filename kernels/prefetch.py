"""Asks for memory before it is read, in loops that Numba compiles."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LINE_BYTES = 64
"""Of a cache line, on nearly every CPU."""


def ask_for(builder: Any, address: Any) -> None:
    """Emit the same at a builder's position."""
    pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
    builder.call(ask, [builder.inttoptr(address, pointer), i32(0), i32(3), i32(1)])  # to read, keep in every cache, data


@intrinsic
def prefetch(context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, and do not wait for it; an address that is not mapped is no error."""
    del context, address

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature
        ask_for(builder, args[0])
        return context.get_dummy_value()

    return types.void(types.uintp), generate
