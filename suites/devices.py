"""Decides on which device a run computes and which timing modes (clocks) fit it, and says why one cannot be used."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from rsc_bench.harness.measure.clocks import Clock
from rsc_bench.plugins import load
from rsc_bench.text import call

TRAINING_CLOCK = "host"
"""What trainings are timed by, whatever ``--clock`` says: what the host does between kernels is part of an epoch."""


class Devices:
    """The devices of this machine as torch sees them."""

    def __init__(self, cuda: Any = torch.cuda, built_for: str | None = torch.version.cuda) -> None:
        """Take torch's view of GPUs, and the CUDA version that torch is built for; None for a build without CUDA."""
        self._cuda, self._built_for = cuda, built_for
        self._warnings: list[str] = []  # torch warns when it first looks for a GPU, and never again

    def default(self) -> str:
        """Return the device that a run without ``--device`` uses."""
        return "cuda:0" if self.no_gpu() is None else "cpu"

    def refusal(self, device: str | None) -> str | None:
        """Return why a ``--device`` cannot be used, with the remedy; None where it can."""
        if device is None or device == "cpu":
            return None
        if not re.fullmatch(r"cuda(:\d+)?", device):
            return f"--device must be cpu, cuda or cuda:NUMBER (got {device})"
        reason = self.no_gpu()
        if reason is not None:
            return f"--device {device} needs an NVIDIA GPU that torch sees ({reason}): use cpu, or see `{call('doctor')}`"
        if int(device.partition(":")[2] or 0) >= self._cuda.device_count():
            return f"--device {device} must be one of the {self._cuda.device_count()} GPUs of this machine, counted from 0"
        return None

    def no_gpu(self) -> str | None:
        """Return why torch sees no NVIDIA GPU; None where it sees one."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if self._cuda.is_available():
                return None
        self._warnings.extend(str(warning.message) for warning in caught)
        if self._built_for is None:
            return f"torch {torch.__version__} is a build without CUDA"
        return next(filter(None, map(self._driver_too_old, self._warnings)), "there is none")

    def name(self, device: str | None) -> str:
        """Return the device of a run as its records name it."""
        return "cuda:0" if device == "cuda" else device or self.default()

    def use(self, device: str | None) -> str:
        """Return the device of a run as its records name it; kernels go to a GPU by default once it is used."""
        name = self.name(device)
        if name != "cpu":
            self._cuda.set_device(name)
        return name

    def _driver_too_old(self, warning: str) -> str | None:
        found = re.search(r"driver on your system is too old \(found version (\d+)\)", warning)
        if found is None:
            return None
        version = int(found.group(1))  # 1000 times the major number and 10 times the minor one
        goes_up_to = f"{version // 1000}.{version % 1000 // 10}"
        return f"its driver is too old: it goes up to CUDA {goes_up_to}, torch needs {self._built_for}"


HERE = Devices()
"""The devices of this process: one object, because torch says only once why it sees no GPU."""


class _AnyGpu:
    """What torch says of GPUs where there are as many as anybody asks for."""

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1 << 16


ELSEWHERE = Devices(_AnyGpu(), "any")
"""The devices of another machine, that this one plans for: nothing is known of them, so that none of them is refused."""


def clock(name: str) -> Clock:
    """Return a clock by name."""
    found: Clock = load("clock")[name]
    return found


def clocks(device: str, named: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of the clocks for a device, at least one: those named that can time it, else the usual ones."""
    fitting = tuple(name for name in dict.fromkeys(named) if _times(name, device))
    return fitting or tuple(name for name, each in load("clock").items() if _kind(device) in each.default)


def clock_refusals(named: tuple[str, ...], device: str) -> Iterator[str]:
    """Yield why a ``--clock`` cannot be used on the device of the run."""
    known = load("clock")
    for name in named:
        if name not in known:
            yield f"--clock must be one of {', '.join(known)} (got {name})"
        elif not _times(name, device):
            usable = ", ".join(each for each in known if _times(each, device))
            yield f"--clock {name} must time the run's device, {device} (it times {', '.join(known[name].devices)}): use {usable}"


def _times(name: str, device: str) -> bool:
    return _kind(device) in clock(name).devices


def _kind(device: str) -> str:
    return device.partition(":")[0]
