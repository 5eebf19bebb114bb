"""The cases of products that a run has: of the suites exact, sampled and minmax, and of growth."""
