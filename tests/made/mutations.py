"""Damages valid files at random, as Hypothesis draws it: bytes of a file, and the arrays that one holds."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

MUTATED = [1, 1, 1, 2, 2, 3]
"""How often something is changed, mostly once: what is wrong in two places is refused for the first."""
NUMBER = re.compile(rb"\d+")
TOKENS = [
    *(b"", b"-1", b"0", b"1", b"7", b"2147483648", b"268435455", b"268435456", b"9" * 19, b"9" * 400, b"9" * 5_000),
    *(b"1.5", b"1e300", b"-1e39", b"1e-60", b"1e400", b"2D+02", b"nan", b"-inf", b"1_0", b"0x10", b"+1", "٣".encode(), b"True"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x80", "é\u2028".encode(), b"\n", b"\r", b"\r\n", b",", b";", b" ", b"\t"),
    *(b'"', b"'", b"#", b"%", b"[", b"]", b"{", b"}", b":", b"null", b"[" * 50_000, b"x" * 200_000, b"0,1\n", b"id,"),
]
DTYPES = ["?", "i1", "u1", ">i2", "i4", ">i8", "u8", "f2", ">f4", "f8", "g", "c8", "U6", "S3", "O", "M8[s]", "V4", "i4,f4"]
VALUES = [0, 1, -1, 2, 255, 2**28, 2**31, 2**62, 2**64 - 1, -(2**63), 0.5, 1e39, 1e300, 1e-60, np.nan, np.inf, True, "a", None]


def _flip(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    return file[:place] + bytes([file[place] ^ (1 << amount % 8)]) + file[place + 1 :] if file else token


def _drop(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    return file[:place] + file[place + amount :]


def _repeat(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    return file[: place + amount] + file[place:]


def _insert(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    return file[:place] + token + file[place:]


def _cut(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    return file[:place]


def _number(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    numbers = list(NUMBER.finditer(file))
    if not numbers:
        return file + token
    found = numbers[place % len(numbers)]
    return file[: found.start()] + token + file[found.end() :]


def _line(file: bytes, place: int, amount: int, token: bytes) -> bytes:
    lines = file.splitlines(keepends=True)
    lines.insert(amount % (len(lines) + 1), lines.pop(place % len(lines)) if lines else token)
    return b"".join(lines)


MUTATIONS: list[Callable[[bytes, int, int, bytes], bytes]] = [_flip, _drop, _repeat, _insert, _cut, _number, _number, _line]


@st.composite
def mutated_bytes(draw: st.DrawFn, file: bytes) -> bytes:
    """A file after some of the mutations."""
    for _ in range(draw(st.sampled_from(MUTATED))):
        mutate = draw(st.sampled_from(MUTATIONS))
        place = draw(st.integers(0, max(len(file) - 1, 0)))
        file = mutate(file, place, draw(st.integers(1, 64)), draw(st.sampled_from(TOKENS)))
    return file


@st.composite
def mutated_arrays(draw: st.DrawFn, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays after some changes of a dtype, a shape, a value, or of which arrays there are."""
    changed = dict(arrays)
    for _ in range(draw(st.sampled_from(MUTATED))):
        name = draw(st.sampled_from(sorted(arrays)))
        array = np.asarray(changed.get(name, arrays[name]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a dtype that loses something is what is wanted
            changed[name] = draw(st.sampled_from(ARRAY_MUTATIONS))(draw, array)
        if draw(st.integers(0, 19)) == 0:
            del changed[name]
    return changed


def _as_dtype(draw: st.DrawFn, array: Any) -> Any:
    try:
        return array.astype(draw(st.sampled_from(DTYPES)))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return array


def _reshaped(draw: st.DrawFn, array: Any) -> Any:
    if not array.size:
        return np.zeros(1)
    return draw(st.sampled_from([array[None], array[..., None], array.ravel()[0], array.ravel(), array.ravel()[None, None]]))


def _with_value(draw: st.DrawFn, array: Any) -> Any:
    changed = array.copy().ravel()
    try:
        changed[draw(st.integers(0, max(changed.size - 1, 0)))] = draw(st.sampled_from(VALUES))
    except (TypeError, ValueError, OverflowError, IndexError):
        return array
    return changed.reshape(array.shape)


def _part(draw: st.DrawFn, array: Any) -> Any:
    flat = array.ravel()
    return draw(st.sampled_from([flat[:-1], flat[1:], np.concatenate([flat, flat]), flat[:0], flat[::-1]]))


ARRAY_MUTATIONS: list[Callable[[st.DrawFn, Any], Any]] = [_as_dtype, _as_dtype, _with_value, _with_value, _reshaped, _part]
