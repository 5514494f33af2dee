"""How keys become headers, where a key is asked for, and the short-lived secrets made with keys."""
