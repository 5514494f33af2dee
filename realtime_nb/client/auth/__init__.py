"""Keys and tokens: their sources, how they are hidden, and the short-lived secrets made with them."""
