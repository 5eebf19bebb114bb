"""Products and dot products: their operands, float64 references, prepared work and sweep."""
