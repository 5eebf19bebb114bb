"""Writes a comparison as one word: an output to be added."""

from rsc_bench.harness.output import Output

OUTPUT = Output("mine", "As one word.", lambda comparison, _: f"written by rsc-bench: exit {comparison.exit_status}\n")
