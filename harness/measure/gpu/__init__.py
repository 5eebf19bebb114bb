"""What is done with a GPU while a case runs: events, L2 flushes, energy, a trace of its sensors, faults."""
