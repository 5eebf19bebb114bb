"""Turns runs into tables: a row a case, a machine's history, trainings over their seeds."""
