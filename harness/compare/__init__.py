"""Matches two runs case by case and judges them, also across devices, and recommends a budget."""

from pathlib import Path

ACCEPTANCES = Path("rsc-bench.toml")
"""The committed file of what is accepted, in the folder where a command is run."""
USUAL_RULE = "familywise"
"""The decision rule where none is named."""
