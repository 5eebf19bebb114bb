"""Matches two runs case by case and judges them, also across devices, and recommends a budget."""

USUAL_RULE = "familywise"
"""The decision rule where none is named."""
