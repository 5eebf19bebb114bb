"""An NVML made of plain functions, whose every answer a test can replace by a refusal."""

from __future__ import annotations

import os
from time import perf_counter
from types import SimpleNamespace

import pynvml

UUID = "8f1c8ae1-0001-0002-0003-000000000004"
GIB = 2**30


class NVMLError(Exception):
    """As pynvml's: a number, and words for it."""

    def __init__(self, value: int) -> None:
        super().__init__(WORDS[value])
        self.value = value


# nvml.h, nvmlReturn_t; the words are nvmlErrorString's.
NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, NOT_LOADED, LOST = 3, 4, 6, 9, 15
WORDS = {
    NOT_SUPPORTED: "Not Supported",
    NO_PERMISSION: "Insufficient Permissions",
    NOT_FOUND: "Not Found",
    NOT_LOADED: "Driver Not Loaded",
    LOST: "GPU is lost",
}


def refuse(value: int):
    def refusal(*_):
        raise NVMLError(value)

    return refusal


class FakeNvml:
    """One GPU that takes 100 W whatever happens; its energy counter steps every `step_s`."""

    NVMLError = NVMLError
    NVMLLibraryMismatchError = pynvml.NVMLLibraryMismatchError

    def __init__(self) -> None:
        self.step_s = 0.005
        self.started = self.ended = 0
        self.uuid = f"GPU-{UUID}"
        self.reasons = 0
        self.mig = 0
        self.running = [SimpleNamespace(pid=os.getpid(), usedGpuMemory=2 * GIB)]
        self.fail_after = float("inf")
        self._asked = 0

    def nvmlInit(self):  # noqa: N802
        self.started += 1

    def nvmlShutdown(self):  # noqa: N802
        self.ended += 1

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return "999.1"

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        if uuid != self.uuid:
            raise NVMLError(NOT_FOUND)
        return uuid

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return self.uuid

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return "Example GPU"

    def nvmlDeviceGetMigMode(self, handle):  # noqa: N802
        return [self.mig, self.mig]

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        return SimpleNamespace(total=80 * GIB, used=3 * GIB, free=77 * GIB)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return self.running

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        self._asked += 1
        if self._asked > self.fail_after:
            raise NVMLError(LOST)
        return 100_000  # milliwatts

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        return int(100_000 * (perf_counter() // self.step_s) * self.step_s)  # millijoules

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return {pynvml.NVML_CLOCK_SM: 1980, pynvml.NVML_CLOCK_MEM: 3201}[kind]

    def nvmlDeviceGetTemperature(self, handle, sensor):  # noqa: N802
        return {pynvml.NVML_TEMPERATURE_GPU: 45}[sensor]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):  # noqa: N802
        return self.reasons

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802
        return SimpleNamespace(gpu=97, memory=61)

    def refuse(self, name: str, value: int = NOT_SUPPORTED) -> None:
        """Have the library answer a question with an error from now on."""
        setattr(self, name, refuse(value))
