"""Asks NVML about the GPUs of the machine, without torch and without a CUDA context; what it does not report has a reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsc_bench.optional import OPTIONAL, absent

# Errors after which no other question gets an answer either (nvml.h): the GPU fell off the bus, waits for a reset, or the
# driver went away. Numbers, so that a library too old to name one is understood too.
LOST = {1: "Uninitialized", 9: "Driver Not Loaded", 15: "GPU is lost", 16: "GPU requires restart"}
PREFIXES = ("GPU-", "MIG-")


class NvmlError(Exception):
    """NVML does not answer; the message is the reason."""


class GpuLostError(NvmlError):
    """The GPU will not answer any more in this process."""


@dataclass(frozen=True)
class Process:
    """A process that computes on a GPU."""

    pid: int
    """As the driver numbers it; inside a container that may be another number than the process sees."""
    used_bytes: int | None
    """GPU memory that it uses; None where the driver does not report it."""

    def __str__(self) -> str:
        name = _process_name(self.pid)
        size = "" if self.used_bytes is None else f", {self.used_bytes / 2**30:.1f} GiB"
        return f"{name} (pid {self.pid}{size})"


class Gpu:
    """One GPU, or one MIG slice of a GPU, that can be asked."""

    def __init__(self, library: Any, handle: Any, uuid: str) -> None:
        self.library, self.uuid = library, uuid
        self.is_slice = uuid.startswith("MIG-")
        self._handle = handle

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return the answer of ``nvmlDeviceGet<name>``; raises `NvmlError` with the reason where there is none."""
        question = getattr(self.library, f"nvmlDeviceGet{name}", None)
        if question is None:
            raise NvmlError(f"pynvml is too old to ask for {name}: {OPTIONAL['pynvml']}")
        try:
            return question(self._handle, *arguments)
        except self.library.NVMLError as error:
            raise _reason(error, self.is_slice) from None
        except self.library.NVMLLibraryMismatchError:
            raise NvmlError(f"the driver is too old for this pynvml to ask for {name}") from None

    def processes(self) -> list[Process]:
        """Return the processes that compute on it."""
        return [Process(found.pid, found.usedGpuMemory) for found in self.ask("ComputeRunningProcesses")]


@contextlib.contextmanager
def session() -> Iterator[Any]:
    """Give the initialised ``pynvml`` module, or raise `NvmlError` with the reason."""
    library = _started()
    try:
        yield library
    finally:
        with contextlib.suppress(library.NVMLError):
            library.nvmlShutdown()


def find(uuid: str) -> Gpu:
    """Return the GPU or MIG slice of a UUID, given without its prefix as CUDA does; NVML stays open from here on.

    Not by its index: ``CUDA_VISIBLE_DEVICES`` renumbers what CUDA sees, NVML counts by bus. Raises `NvmlError`.
    """
    library = _started()
    refusals = []
    for prefix in PREFIXES:
        try:
            handle = library.nvmlDeviceGetHandleByUUID(prefix + uuid)
        except library.NVMLError as error:
            refusals.append(str(error))
            continue
        return _undivided(Gpu(library, handle, prefix + uuid))
    raise NvmlError(f"NVML finds no GPU with UUID {uuid} ({refusals[0]})")


def every(library: Any) -> list[Gpu]:
    """Return the GPUs of the machine, within a `session`; raises `NvmlError`."""
    try:
        handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
        return [Gpu(library, handle, str(library.nvmlDeviceGetUUID(handle))) for handle in handles]
    except library.NVMLError as error:
        raise _reason(error) from None


def gpus() -> tuple[list[dict[str, Any]], str | None]:
    """Return name, UUID, driver and memory of each GPU, and the reason where there is none."""
    try:
        with session() as library:
            found = [_described(gpu) for gpu in every(library)]
    except NvmlError as error:
        return [], str(error)
    return found, None if found else "NVML finds no GPU"


def processes() -> dict[str, list[Process]]:
    """Return the processes that compute on each GPU, by UUID, without the GPUs of which NVML does not report them."""
    running = {}
    with contextlib.suppress(NvmlError), session() as library:
        for gpu in every(library):
            with contextlib.suppress(NvmlError):
                running[gpu.uuid] = gpu.processes()
    return running


def _started() -> Any:
    try:
        import pynvml
    except ModuleNotFoundError:
        raise NvmlError(absent("pynvml")) from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NvmlError(f"NVML does not start ({error})") from None
    return pynvml


def _undivided(gpu: Gpu) -> Gpu:
    """Refuse a GPU that is divided into MIG slices: its sensors are those of all slices together."""
    if not gpu.is_slice and (_answer(gpu, "MigMode") or [0])[0] == 1:
        raise NvmlError("the GPU is divided by MIG: its sensors report all slices together, not the one in use")
    return gpu


def _described(gpu: Gpu) -> dict[str, Any]:
    memory = _answer(gpu, "MemoryInfo")
    try:
        driver = gpu.library.nvmlSystemGetDriverVersion()
    except gpu.library.NVMLError:
        driver = None
    return {
        "name": _answer(gpu, "Name"),
        "uuid": gpu.uuid,
        "driver": driver,
        "memory_bytes": None if memory is None else int(memory.total),
    }


def _answer(gpu: Gpu, name: str) -> Any:
    """The answer, or None: virtual GPUs and MIG slices do not report everything."""
    try:
        return gpu.ask(name)
    except NvmlError:
        return None


def _reason(error: Any, is_slice: bool = False) -> NvmlError:
    lost = getattr(error, "value", None) in LOST
    return GpuLostError(str(error)) if lost else NvmlError(f"{error} (of a MIG slice)" if is_slice else str(error))


def _process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process not seen from here"
