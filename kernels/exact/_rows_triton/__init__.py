"""The parts of rows_triton: pieces of rows, settings, the search for the fastest, and the kernels' source."""
