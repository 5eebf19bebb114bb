"""Measures callables, keeps what was observed, and judges one run against another."""
