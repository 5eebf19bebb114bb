"""Measuring a case: what makes its record, the process that it is made in, and which process that is."""
