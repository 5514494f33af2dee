"""Runs the trials of a sweep: so many at a time, within limits of money and time, here or in other processes."""
