"""What a CUDA device is asked while a case runs: events, L2, energy, a trace of its sensors, faults."""
