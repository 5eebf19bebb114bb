"""Ways to share a budget of FLOPs out over the layers: one allocation a file."""
