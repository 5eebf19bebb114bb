"""Turns a piece of work into what was observed of it: checked first, then timed, watched and sampled."""
