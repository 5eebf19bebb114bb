"""The cases of products that a run has: of the suites exact, sampled, minmax and sddmm, and of growth."""
