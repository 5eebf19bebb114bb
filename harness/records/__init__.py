"""What is on disk: a case, what was measured of it, a run of rounds, and the file that they are kept in."""
