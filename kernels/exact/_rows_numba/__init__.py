"""The parts of rows_numba: the code of a row, the parts that threads share out, and the tile of features."""
