"""Write, measure, compare and draw sparse kernels for graph neural network training, and train PyTorch Geometric models with them.

``import rsc_bench`` loads nothing heavy: each name below brings what it needs when it is first used, torch with `approximate`,
`Csr` and `Kernel`, and no torch with `keep_memory`, `read_results` and `compare`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsc_bench.allocator import keep_memory
    from rsc_bench.harness.compare.comparison import compare
    from rsc_bench.kernels import Csr, Kernel
    from rsc_bench.kernels.rsc import accelerate, approximate
    from rsc_bench.reports.numbers.results import read_results

__all__ = ["Csr", "Kernel", "__version__", "accelerate", "approximate", "compare", "keep_memory", "read_results"]

__version__ = "0.2.0"

_HERE = Path(__file__).resolve().parent
if not (_HERE / "kernels").is_dir():
    # A checkout: the rooms of the package lie beside this folder, and belong into it (pyproject.toml, package-dir).
    __path__.append(str(_HERE.parent))

_API = {
    "Csr": ("rsc_bench.kernels", "Csr"),
    "Kernel": ("rsc_bench.kernels", "Kernel"),
    "accelerate": ("rsc_bench.kernels.rsc", "accelerate"),
    "approximate": ("rsc_bench.kernels.rsc", "approximate"),
    "compare": ("rsc_bench.harness.compare.comparison", "compare"),
    "keep_memory": ("rsc_bench.allocator", "keep_memory"),
    "read_results": ("rsc_bench.reports.numbers.results", "read_results"),
}


def __getattr__(name: str) -> Any:
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _API[name]
    found = getattr(importlib.import_module(module), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
