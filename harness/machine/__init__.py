"""What a machine is: its environment, memory and GPU sensors, and what about it makes numbers noisy."""
