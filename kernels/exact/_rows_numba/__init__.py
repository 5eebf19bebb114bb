"""The parts of rows_numba: the code of a row, the parts that threads share out, the tile of features; and those of sddmm_numba."""
