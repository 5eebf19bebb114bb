"""Turns the layers of a PyTorch Geometric model into approximated ones, and the adjacencies it is called with into ours."""
