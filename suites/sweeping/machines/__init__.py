"""Devices beyond this process: of a Ray cluster, of an array of SLURM jobs, and simulated ones."""
