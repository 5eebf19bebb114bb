"""Named graphs, real and synthetic, and graph files, as one type: an adjacency with features and labels beside it."""
