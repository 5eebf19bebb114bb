"""The suite ``harness``: what the harness itself takes of time and memory, so that it does not become slow unseen."""
