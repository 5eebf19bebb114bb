"""Says of an optional package that is absent how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from rsc_bench.text import call

OPTIONAL = {
    "torch_geometric": 'pip install "rsc-bench[train]"',
    "ogb": 'pip install "rsc-bench[train]"',
    "triton": 'pip install "rsc-bench[gpu]"',
    "nvmath": 'pip install "rsc-bench[gpu]"',
    "pymetis": 'pip install "rsc-bench[orders]"',
    "sknetwork": 'pip install "rsc-bench[orders]"',
    "pyarrow": 'pip install "rsc-bench[parquet]"',
    "tabulate": 'pip install "rsc-bench[markdown]"',
    "kaleido": 'pip install "rsc-bench[figures]"',
    "torch_sparse": "pip install --no-build-isolation torch-scatter torch-sparse (they are built: minutes)",
    "torch_scatter": "pip install --no-build-isolation torch-scatter torch-sparse (they are built: minutes)",
    "dgl": "pip install 'dgl<2' (CPU, wheels up to Python 3.11): DGL 2 needs an old torch, in an environment of its own",
    "turbo_gnn": "pip install --no-build-isolation --pre turbo-gnn, where torch has CUDA (else nvcc builds it: minutes)",
    "cupy": "pip install cupy-cuda13x, or cupy-cuda12x, as torch.version.cuda is",
    "sparse_dot_mkl": 'pip install "rsc-bench[baselines]"',
    "ray": 'pip install "rsc-bench[cluster]"',
    "torch": "pip install torch",
    "numba": "pip install numba",
    "pynvml": "pip install nvidia-ml-py",
    "psutil": "pip install psutil",
    "plotly": "pip install plotly",
    "pandas": "pip install pandas",
}
"""Packages that may be absent, by the name they are imported under, and how to get each.

Their absence is a reason why something is not available; any other failed import is a bug and stops the run.
"""


def why_missing(error: ModuleNotFoundError) -> str | None:
    """Return the reason and remedy for an absent optional package, or None where the import itself is wrong."""
    top = (error.name or "").partition(".")[0]
    return absent(top) if top in OPTIONAL else None


def absent(package: str) -> str:
    """Return the reason and remedy for an optional package that is not installed."""
    return f"{package} is not installed: {OPTIONAL[package]}"


def lacking(package: str) -> str | None:
    """Return the reason and remedy where an optional package is not installed, None where it is; imports nothing."""
    return absent(package) if find_spec(package) is None else None


def no_cuda() -> str:
    """Return the reason that something for a GPU cannot run here."""
    return f"no CUDA device: torch sees no NVIDIA GPU ({call('doctor')} says more)"


def present() -> str | None:
    """Return None, where a plug-in says what it lacks: nothing is missing."""
    return None
