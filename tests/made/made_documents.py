"""Makes what pytest-benchmark 5.3.1 writes (its own names; cut down to what matters here)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def document(times_s: Mapping[str, float], minute: int = 0, **parts: Any) -> dict[str, Any]:
    """A document of benchmarks by their full names, each with one sample; of another container each time."""
    return {
        "benchmarks": [_benchmark(name, time_s) for name, time_s in times_s.items()],
        "machine_info": {"node": f"container{minute}", "cpu": {"brand_raw": "Example 9000", "count": 2}},
        "commit_info": {"id": "c0ffee", "dirty": False},
        "datetime": f"2026-01-01T00:{minute:02}:00+00:00",
        "version": "5.3.1",
        **parts,
    }


def _benchmark(name: str, time_s: float) -> dict[str, Any]:
    stats = dict.fromkeys(("min", "q1", "median", "q3", "max"), time_s) | {"rounds": 1, "data": [time_s]}
    return {"fullname": name, "stats": stats, "options": {"timer": "perf_counter"}}
