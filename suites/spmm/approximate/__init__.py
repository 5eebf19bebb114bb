"""Approximations of somebody's own: held to what they say that they multiplied, and looked at as exact kernels are."""
