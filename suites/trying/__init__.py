"""A kernel in a file, tried after each save: checked, timed beside the baselines, and compared with the last try."""
