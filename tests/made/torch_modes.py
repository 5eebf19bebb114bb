"""Modes that watch what torch is called with: entered around the code of a test."""

from __future__ import annotations

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = {"_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "bincount"}


class Waits(AssertionError):
    """Something for which a host would wait for a GPU."""


class NothingIsRead(TorchFunctionMode):
    """Refuses to hand numbers to Python; those of a CPU are read without an operation that `NothingWaits` would meet."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in {"tolist", "numpy", "item", "__bool__", "__int__", "__float__", "__index__"}:
            raise Waits(func.__name__)
        return func(*args, **(kwargs or {}))


class NothingWaits(TorchDispatchMode):
    """Refuses every operation for which a host would wait for a GPU to learn a number or the size of a result."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        indices = args[1] if name.startswith("index") and isinstance(args[1], (list, tuple)) else ()
        masked = any(index is not None and index.dtype is torch.bool for index in indices)
        if name in WAITING or masked or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            raise Waits(name)
        return func(*args, **kwargs)


class DirtyMemory(TorchFunctionMode):
    """Fills what ``torch.empty`` returns with 77, as if something else had been there before."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        return made.fill_(77) if func is torch.empty else made


class Emptied(TorchFunctionMode):
    """Keeps shape and dtype of what ``torch.empty`` is asked for."""

    def __init__(self):
        super().__init__()
        self.made = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if func is torch.empty:
            self.made.append((tuple(found.shape), found.dtype))
        return found
