"""The parts of rows_triton: pieces of rows, settings, tuning, and the kernels' source."""
