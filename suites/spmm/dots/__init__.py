"""SDDMM, a dot product for each non-zero: looked at and judged as products are, with two dense operands."""
