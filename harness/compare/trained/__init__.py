"""What trainings say over their seeds: which setting to train with, and whether sampling earned anything over its controls."""
