"""Results files as pytest-benchmark's JSON, and back: what its users have keeps working, and so do its tools on what we measure."""

OURS = "rsc_bench"
"""The entry of a document that holds what pytest-benchmark has no place for; it is left alone there."""
