"""Graphs and what is made of them, kept on disk: made or read once, a later process maps them into its memory."""
