"""Sweeps of products and trainings that pytest runs: the only place where kernels and the harness meet."""
