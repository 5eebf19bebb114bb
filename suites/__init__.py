"""The only place where kernels and the harness meet."""
