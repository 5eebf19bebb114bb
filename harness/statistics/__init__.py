"""Turns the values of many cases on two sides into changes, their intervals and chances, and the rounds that would settle them."""
