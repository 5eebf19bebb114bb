"""Sampling in front of any exact kernel: one selection a file, compaction, and their composition."""
