"""Trainings: models, recipes, data, the trainer and the sweep."""
