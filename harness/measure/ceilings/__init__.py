"""Measures how fast a device copies and gathers: what a case is held against."""
