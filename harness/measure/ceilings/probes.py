"""Measures how fast this device copies and gathers: the ceilings that the cases of a run are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from math import ceil
from time import perf_counter

import torch
from torch.nn import functional

from rsc_bench.harness.machine import environment
from rsc_bench.harness.machine import memory as main_memory
from rsc_bench.harness.records.ceilings import Ceilings, Probe
from rsc_bench.text import error_line

GPU_SAMPLE_S = 0.002
"""Seconds of one sample on a GPU at least: what launching and waiting take is then a percent of it."""
GPU_GATHER_BYTES = 1 << 30
"""Gathered by one call on a GPU: less would take no longer than Python takes to launch it."""
CPU_GATHER_BYTES = 64 << 20
"""Read by one call on a CPU, in whole lines of the cache. On a busy machine many short samples find a quiet moment sooner than few
long ones. Each call reads other rows, so that none finds those of the call before in the cache."""
LINE_BYTES = 64
FEWEST_SAMPLES = 3
MOST_ROW_SIZES = 7
"""As many as a sweep over the width has: the rate of a gather changes with each of them."""
BAG = 64
"""Rows that are summed into one: enough that what is written does not count."""

BEYOND_CACHE = 8
"""Times the cache: of random rows of such an operand an eighth at most is found in the cache."""
LARGEST_BYTES = 1 << 30
USUAL_CACHE_BYTES = 32 << 20
"""Where the cache cannot be read."""


@dataclass(frozen=True)
class Effort:
    """How much the probes of a device take."""

    probe_s: float = 0.12
    """Seconds of one probe at most."""
    all_probes_s: float = 1.2
    """Seconds of all together at most; making the operands comes on top."""
    smallest_bytes: int = 64 << 20
    """Of the largest operand, however small the cache is."""


USUAL = Effort()


@dataclass(frozen=True)
class Sizes:
    """What the operands of a device must fit."""

    cache_bytes: int | None
    """The last cache before memory: L2 of a GPU, L3 of a CPU; None where it cannot be read."""
    free_bytes: int | None
    """Memory that is free; None where it cannot be read."""


def sizes_of(device: torch.device) -> Sizes:
    """Return the sizes of a device; raises ``RuntimeError`` for a GPU that does not answer."""
    if device.type == "cpu":
        return Sizes(environment.l3_bytes(), main_memory.free_bytes())
    return Sizes(int(torch.cuda.get_device_properties(device).L2_cache_size), torch.cuda.mem_get_info(device)[0])


@dataclass(frozen=True)
class Room:
    """Where the probes of a device take place."""

    device: torch.device
    memory: torch.Tensor
    """(words,), float32: several times the cache."""
    operands: tuple[torch.Tensor, ...]
    """What is gathered from: half a cache of it, a whole one, and all."""


def measure(
    device: str, row_bytes: Iterable[int], effort: Effort = USUAL, sizes: Callable[[torch.device], Sizes] = sizes_of
) -> Ceilings:
    """Return what a device reaches now, in a second or two; where it cannot be measured, the reason.

    Args:
        device: ``cpu``, ``cuda:0``.
        row_bytes: sizes of the rows that the cases gather; where there are many, some of them stand for all.
        effort: how much the probes take.
        sizes: reads the sizes of the device.
    """
    try:
        place = torch.device(device)
        found = sizes(place)
        probes = list(_probes(_room(place, found, effort), _few(row_bytes), effort))
        if device != "cpu":
            torch.cuda.empty_cache()  # what the probes used is no memory of a case
    except (RuntimeError, MemoryError) as error:  # out of memory, or a fault of the device
        return Ceilings(device=device, missing=error_line(error))
    return Ceilings(device=device, cache_bytes=found.cache_bytes, probes=probes)


def _few(row_bytes: Iterable[int]) -> list[int]:
    """The sizes in whole words, no more of them than there is time for."""
    every = sorted({max(4, -(-size // 4) * 4) for size in row_bytes})
    last = MOST_ROW_SIZES - 1
    return every if len(every) <= MOST_ROW_SIZES else [every[round(place * (len(every) - 1) / last)] for place in range(last + 1)]


def _room(device: torch.device, sizes: Sizes, effort: Effort) -> Room:
    cache_bytes, free = sizes.cache_bytes or USUAL_CACHE_BYTES, sizes.free_bytes
    wanted = max(effort.smallest_bytes, 2 * cache_bytes, min(LARGEST_BYTES, BEYOND_CACHE * cache_bytes))
    size = wanted if free is None else min(wanted, free // 8)
    if size < 2 * cache_bytes:
        needed = 8 * 2 * cache_bytes  # what a copy and other programs need, too
        raise MemoryError(f"operands beyond the cache need {needed / 1e9:.1f} GB of memory free (got {size * 8 / 1e9:.1f})")
    # Each page is written: memory that never was is one page of zeros over and over.
    memory = torch.arange(size // 4, dtype=torch.float32, device=device)
    return Room(device, memory, (memory[: cache_bytes // 8], memory[: cache_bytes // 4], memory))


def _probes(room: Room, row_bytes: list[int], effort: Effort) -> Iterator[Probe]:
    means = [_embedding_bag, _triton] if room.device.type == "cuda" and _triton_works(room.operands[0]) else [_embedding_bag]
    seconds = min(effort.probe_s, effort.all_probes_s / (1 + len(room.operands) * len(row_bytes) * len(means)))
    yield _copied(room.memory, seconds)
    for size in row_bytes:
        for words in room.operands:
            for gather in means:
                yield _gathered(gather, words, size, room.memory.nbytes // 2, seconds)


def _copied(words: torch.Tensor, seconds: float) -> Probe:
    source, target = words[: words.numel() // 2], words[words.numel() // 2 :][: words.numel() // 2]
    times_s = _times_s(partial(target.copy_, source), words.device, seconds)
    return Probe(what="copy", means="copy_", operand_bytes=source.nbytes, moved_bytes=2 * source.nbytes, times_s=times_s)


Gather = Callable[[torch.Tensor, torch.Tensor], Callable[[], object]]
"""Given rows and an index of them, returns what gathers and sums them once."""


def _gathered(gather: Gather, words: torch.Tensor, row_bytes: int, reach_bytes: int, seconds: float) -> Probe:
    """Time a gather; `reach_bytes` are read before a CPU reads the same rows again: several times its cache."""
    width = row_bytes // 4
    rows = words[: words.numel() // width * width].view(-1, width)
    if rows.device.type == "cuda":
        parts = [_index(rows, GPU_GATHER_BYTES // row_bytes)]
    else:
        read_bytes = max(row_bytes, LINE_BYTES)
        part_bytes = min(CPU_GATHER_BYTES, reach_bytes)
        parts = [_index(rows, part_bytes // read_bytes, seed) for seed in range(reach_bytes // part_bytes)]
    rows.sum()  # what fits into the cache is in it
    calls = cycle([gather(rows, index) for index in parts])

    def call() -> object:
        return next(calls)()

    return Probe(
        what="gather",
        means=gather.__name__.removeprefix("_"),
        operand_bytes=rows.nbytes,
        row_bytes=row_bytes,
        moved_bytes=parts[0].numel() * row_bytes,
        times_s=_times_s(call, rows.device, seconds),
    )


def _index(rows: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
    """(bags, `BAG`), int32: random rows."""
    generator = torch.Generator(rows.device).manual_seed(seed)
    shape = (max(1, count // BAG), BAG)
    return torch.randint(len(rows), shape, generator=generator, dtype=torch.int32, device=rows.device)


def _embedding_bag(rows: torch.Tensor, index: torch.Tensor) -> Callable[[], object]:
    return partial(functional.embedding_bag, index, rows, mode="sum")


def _triton(rows: torch.Tensor, index: torch.Tensor) -> Callable[[], object]:
    from rsc_bench.harness.measure.ceilings.gather_triton import gather_sum

    return partial(gather_sum, rows, index)


def _triton_works(words: torch.Tensor, gather: Gather = _triton) -> bool:
    """Return whether Triton is there and compiles: it needs a C compiler, which not every machine has."""
    rows = words[:1024].view(-1, 16)
    try:
        gather(rows, _index(rows, BAG))()
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
