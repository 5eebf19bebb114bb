"""Reads through NVML which GPUs the machine has and who uses them, without torch and without a CUDA context."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from harness.plugins import OPTIONAL


class NoGpuError(Exception):
    """NVML cannot be asked; the message is the reason."""


@contextlib.contextmanager
def nvml() -> Iterator[Any]:
    """Give the initialised ``pynvml`` module, or raise `NoGpuError` with the reason."""
    try:
        import pynvml
    except ModuleNotFoundError:
        raise NoGpuError(f"pynvml is not installed: {OPTIONAL['pynvml']}") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NoGpuError(f"NVML does not start ({error})") from None
    try:
        yield pynvml
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def gpus() -> tuple[list[dict[str, Any]], str | None]:
    """Return name, UUID, driver and memory of each GPU, and the reason where there is none."""
    try:
        with nvml() as library:
            handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
            found = [_gpu(library, handle) for handle in handles]
    except NoGpuError as error:
        return [], str(error)
    return found, None if found else "NVML finds no GPU"


def processes() -> list[int]:
    """Return the ids of the processes that compute on any GPU, empty where NVML cannot tell."""
    try:
        with nvml() as library:
            handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
            lists = [_asked(library, library.nvmlDeviceGetComputeRunningProcesses, handle) or [] for handle in handles]
    except NoGpuError:
        return []
    return sorted({process.pid for running in lists for process in running})


def _gpu(library: Any, handle: Any) -> dict[str, Any]:
    memory = _asked(library, library.nvmlDeviceGetMemoryInfo, handle)
    return {
        "name": _asked(library, library.nvmlDeviceGetName, handle),
        "uuid": _asked(library, library.nvmlDeviceGetUUID, handle),
        "driver": _asked(library, library.nvmlSystemGetDriverVersion),
        "memory_bytes": None if memory is None else int(memory.total),
    }


def _asked(library: Any, question: Any, *arguments: Any) -> Any:
    """The answer, or None: virtual GPUs and MIG slices do not answer every question."""
    try:
        return question(*arguments)
    except library.NVMLError:
        return None
