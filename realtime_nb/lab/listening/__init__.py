"""Blind listening: which pairs a listener hears, at which loudness, the votes, and the ranking made of them."""
