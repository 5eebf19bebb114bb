"""A sweep: the runs of a study in one file, planned, measured on one device or on many, and carried on where it was stopped."""
