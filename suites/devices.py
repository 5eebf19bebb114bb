"""Says which device a run uses, and why one cannot be had."""

from __future__ import annotations

import re
import warnings

import torch

_warned: list[str] = []
"""What torch said when it looked for a GPU first: it says so once a process."""


def default() -> str:
    """Return the device that a run without ``--device`` uses."""
    return "cuda:0" if no_gpu() is None else "cpu"


def refusal(device: str | None) -> str | None:
    """Return why a ``--device`` cannot be used, with the remedy; None where it can."""
    if device is None or device == "cpu":
        return None
    if not re.fullmatch(r"cuda(:\d+)?", device):
        return f"--device must be cpu, cuda or cuda:NUMBER (got {device})"
    reason = no_gpu()
    if reason is not None:
        return f"--device {device} needs an NVIDIA GPU that torch sees ({reason}): use cpu, or see `python -m harness doctor`"
    if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
        return f"--device {device} must be one of the {torch.cuda.device_count()} GPUs of this machine, counted from 0"
    return None


def no_gpu() -> str | None:
    """Return why torch sees no NVIDIA GPU; None where it sees one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return None
    _warned.extend(str(warning.message) for warning in caught)
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    return next(filter(None, map(_driver_too_old, _warned)), "there is none")


def _driver_too_old(warning: str) -> str | None:
    found = re.search(r"driver on your system is too old \(found version (\d+)\)", warning)
    if found is None:
        return None
    version = int(found.group(1))  # 1000 times the major number and 10 times the minor one
    return f"its driver is too old: it goes up to CUDA {version // 1000}.{version % 1000 // 10}, torch needs {torch.version.cuda}"


def use(device: str | None) -> str:
    """Return the device of a run as its records name it, and make a GPU the one that kernels go to where nothing else is said."""
    name = "cuda:0" if device == "cuda" else device or default()
    if name != "cpu":
        torch.cuda.set_device(name)
    return name
