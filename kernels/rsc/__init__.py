"""The RSC method around the kernels: sampled backward products, their budgets shared out over layers, on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsc_bench.kernels.rsc.accelerated import Accelerated, accelerate
    from rsc_bench.kernels.rsc.approximation import Approximation, approximate

__all__ = ["Accelerated", "Approximation", "accelerate", "approximate"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``rsc_bench.kernels.rsc.allocations`` alone stays light."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rsc_bench.kernels.rsc import accelerated, approximation

    return getattr(accelerated if name in ("Accelerated", "accelerate") else approximation, name)
