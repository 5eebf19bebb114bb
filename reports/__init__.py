"""Turns results files into one offline page; needs no torch, so it runs on a laptop on a file from any GPU."""
