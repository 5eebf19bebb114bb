"""Exact SpMM kernels, one a file; a file that defines ``KERNEL`` is a kernel."""
