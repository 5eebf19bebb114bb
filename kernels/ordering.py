"""Sorts what lies in a known range: rows, columns and edges."""

from __future__ import annotations

import torch

from rsc_bench.kernels.acceleration import with_numba


def ordering(keys: torch.Tensor, count: int) -> torch.Tensor:
    """Return the stable order (keys,), int64, that sorts `keys`, (keys,), integers in [0, count), on their device.

    Raises ``ValueError`` where a key lies outside, if keys are counted.
    """
    fast = with_numba("_order_numba") if keys.device.type == "cpu" and keys.dtype in (torch.int32, torch.int64) else None
    if fast is None:
        return torch.sort(keys, stable=True).indices
    found = torch.from_numpy(fast.order(keys.contiguous().numpy(), count))
    if len(found) != len(keys):
        raise ValueError(f"indices must be from 0 to {count - 1} (got {int(keys.min())} to {int(keys.max())})")
    return found
