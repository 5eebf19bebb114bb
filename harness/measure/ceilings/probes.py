"""Measures how fast this device copies and gathers: the ceilings that the cases of a run are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import ceil
from time import perf_counter

import torch
from torch.nn import functional

from rsc_bench.harness.machine import environment
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.records.ceilings import Ceilings, Probe

PROBE_S, ALL_PROBES_S = 0.25, 1.8
"""Seconds of one probe, and of all together at most; making the operands comes on top."""
GPU_SAMPLE_S = 0.002
"""Seconds of one sample on a GPU at least: what launching and waiting take is then a percent of it."""
GPU_GATHER_BYTES = 1 << 30
"""Gathered by one call on a GPU: less would take no longer than Python takes to launch it."""
FEWEST_SAMPLES = 3
MOST_ROW_SIZES = 3
BAG = 64
"""Rows that are summed into one: enough that what is written does not count."""

BEYOND_CACHE = 8
"""Times the cache: of random rows of such an operand an eighth at most is found in the cache."""
SMALLEST_BYTES, LARGEST_BYTES = 64 << 20, 1 << 30
USUAL_CACHE_BYTES = 32 << 20
"""Where the cache cannot be read."""


@dataclass(frozen=True)
class Room:
    """Where the probes of a device take place."""

    device: torch.device
    memory: torch.Tensor
    """(words,), float32: several times the cache."""
    operands: tuple[torch.Tensor, ...]
    """What is gathered from: half a cache of it, a whole one, and all."""


def measure(device: str, row_bytes: Iterable[int]) -> Ceilings:
    """Return what a device reaches now, in some three seconds; where it cannot be measured, the reason.

    Args:
        device: ``cpu``, ``cuda:0``.
        row_bytes: sizes of the rows that the cases gather; where there are many, the ends and the middle stand for all.
    """
    try:
        cache_bytes = _cache_bytes(device)
        probes = list(_probes(_room(torch.device(device), cache_bytes or USUAL_CACHE_BYTES), _few(row_bytes)))
        if device != "cpu":
            torch.cuda.empty_cache()  # what the probes held is no memory of a case
    except (RuntimeError, MemoryError) as error:  # out of memory, or a fault of the device
        first = next(iter(str(error).splitlines()), "")
        return Ceilings(device=device, missing=f"{type(error).__name__}: {first}")
    return Ceilings(device=device, cache_bytes=cache_bytes, probes=probes)


def _cache_bytes(device: str) -> int | None:
    if device == "cpu":
        return environment.l3_bytes()
    return int(torch.cuda.get_device_properties(device).L2_cache_size)


def _few(row_bytes: Iterable[int]) -> list[int]:
    """The sizes in whole words, no more of them than there is time for."""
    every = sorted({max(4, -(-size // 4) * 4) for size in row_bytes})
    return every if len(every) <= MOST_ROW_SIZES else [every[0], every[len(every) // 2], every[-1]]


def _room(device: torch.device, cache_bytes: int) -> Room:
    wanted = max(SMALLEST_BYTES, 2 * cache_bytes, min(LARGEST_BYTES, BEYOND_CACHE * cache_bytes))
    free = main_memory.free_bytes() if device.type == "cpu" else torch.cuda.mem_get_info(device)[0]
    size = wanted if free is None else min(wanted, free // 8)
    if size < 2 * cache_bytes:
        needed = 8 * 2 * cache_bytes  # what a copy and other programs need, too
        raise MemoryError(f"operands beyond the cache need {needed / 1e9:.1f} GB of memory free (got {size * 8 / 1e9:.1f})")
    # Each page is written: memory that never was is one page of zeros over and over.
    memory = torch.arange(size // 4, dtype=torch.float32, device=device)
    return Room(device, memory, (memory[: cache_bytes // 8], memory[: cache_bytes // 4], memory))


def _probes(room: Room, row_bytes: list[int]) -> Iterator[Probe]:
    means = [_embedding_bag, _triton] if room.device.type == "cuda" and _triton_works(room.operands[0]) else [_embedding_bag]
    seconds = min(PROBE_S, ALL_PROBES_S / (1 + len(room.operands) * len(row_bytes) * len(means)))
    # On a busy machine the fastest of many short samples is nearer to the truth than that of a few long ones.
    moved_bytes = GPU_GATHER_BYTES if room.device.type == "cuda" else room.memory.nbytes // 2
    yield _copied(room.memory, seconds)
    for size in row_bytes:
        for words in room.operands:
            for gather in means:
                yield _gathered(gather, words, size, moved_bytes, seconds)


def _copied(words: torch.Tensor, seconds: float) -> Probe:
    source, target = words[: words.numel() // 2], words[words.numel() // 2 :][: words.numel() // 2]
    times_s = _times_s(partial(target.copy_, source), words.device, seconds)
    return Probe(what="copy", means="copy_", operand_bytes=source.nbytes, moved_bytes=2 * source.nbytes, times_s=times_s)


def _gathered(
    gather: Callable[[torch.Tensor, torch.Tensor], Callable[[], object]],
    words: torch.Tensor,
    row_bytes: int,
    moved_bytes: int,
    seconds: float,
) -> Probe:
    width = row_bytes // 4
    rows = words[: words.numel() // width * width].view(-1, width)
    index = _index(rows, moved_bytes // row_bytes)
    times_s = _times_s(gather(rows, index), rows.device, seconds)
    return Probe(
        what="gather",
        means=gather.__name__.removeprefix("_"),
        operand_bytes=rows.nbytes,
        row_bytes=row_bytes,
        moved_bytes=index.numel() * row_bytes,
        times_s=times_s,
    )


def _index(rows: torch.Tensor, count: int) -> torch.Tensor:
    """(bags, `BAG`), int32: random rows."""
    generator = torch.Generator(rows.device).manual_seed(0)
    shape = (max(1, count // BAG), BAG)
    return torch.randint(len(rows), shape, generator=generator, dtype=torch.int32, device=rows.device)


def _embedding_bag(rows: torch.Tensor, index: torch.Tensor) -> Callable[[], object]:
    return partial(functional.embedding_bag, index, rows, mode="sum")


def _triton(rows: torch.Tensor, index: torch.Tensor) -> Callable[[], object]:
    from rsc_bench.harness.measure.ceilings.gather_triton import gather_sum

    return partial(gather_sum, rows, index)


def _triton_works(words: torch.Tensor) -> bool:
    """Return whether Triton is there and compiles: it needs a C compiler, which not every machine has."""
    if find_spec("triton") is None:
        return False
    rows = words[:1024].view(-1, 16)
    try:
        _triton(rows, _index(rows, BAG))()
    except Exception:  # whatever it lacks, the other means stands for the ceiling
        return False
    return True


def _times_s(call: Callable[[], object], device: torch.device, seconds: float) -> list[float]:
    """Return the seconds of one call, a sample each, until the time is up; what the first call loads or compiles is no part."""
    end = perf_counter() + seconds
    _timed_s(call, 1, device)
    calls = max(1, ceil(GPU_SAMPLE_S / _timed_s(call, 1, device))) if device.type == "cuda" else 1
    times_s: list[float] = []
    while len(times_s) < FEWEST_SAMPLES or perf_counter() < end:
        times_s.append(_timed_s(call, calls, device) / calls)
    return times_s


def _timed_s(call: Callable[[], object], calls: int, device: torch.device) -> float:
    _wait(device)
    start = perf_counter()
    for _ in range(calls):
        call()
    _wait(device)
    return perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
