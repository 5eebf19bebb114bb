"""Exact kernels of SpMM and SDDMM, one a file; a file that defines ``KERNEL`` is a kernel."""
