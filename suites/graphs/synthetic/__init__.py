"""Graphs drawn from a block model: structure, labels and features."""
