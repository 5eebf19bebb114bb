"""Our GPU SpMM: rows gathered tile by tile of the features, short rows together, long rows in pieces, sums in float32."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
import triton

from rsc_bench.kernels.contract import Kernel
from rsc_bench.kernels.exact._rows_triton import multiply, settings, source
from rsc_bench.kernels.exact._rows_triton.search import Gpu, RowsTriton
from rsc_bench.kernels.exact._rows_triton.tuning import Tuned, cache_file

INTERPRETED = not isinstance(source.sum_pieces, triton.runtime.JITFunction)
"""Whether Triton's interpreter runs the code, on CPU tensors: ``TRITON_INTERPRET=1`` was set when this was imported."""
_INTERPRETER = Gpu("interpreter", 32 << 20)
"""There is no device to ask, and nothing to time."""


def tuned() -> Tuned:
    """Return the settings of this code with this Triton: for other code, or another Triton, other settings are best."""
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in (source, settings, multiply))
    text += triton.__version__.encode()
    return Tuned(cache_file(f"rows_triton-{hashlib.blake2b(text, digest_size=6).hexdigest()}"))


def missing() -> str | None:
    """Return why `rows_triton` cannot run here, or None."""
    if INTERPRETED:
        return None
    if not torch.cuda.is_available():
        return "no CUDA device: torch sees no NVIDIA GPU (TRITON_INTERPRET=1 runs it on the CPU, to check it)"
    capability = torch.cuda.get_device_capability()
    if capability < (8, 0):
        return f"needs a GPU of compute capability 8.0 or newer (got {capability[0]}.{capability[1]})"
    return None


_ROWS = RowsTriton(tuned, lambda _: _INTERPRETER, seconds=None) if INTERPRETED else RowsTriton(tuned)

KERNEL = Kernel(
    name="rows_triton",
    device="cpu" if INTERPRETED else "cuda",
    summary="Ours: tiles of features that stay in the L2, short rows together, long rows in pieces; int32 indices, float32 sums.",
    prepare=_ROWS.prepare,
    role="ours",
    missing=missing,
    prepare_bounded=_ROWS.prepare_bounded,
    separable=True,
    tune=_ROWS.tune,
)
