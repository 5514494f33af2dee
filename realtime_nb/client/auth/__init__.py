"""Keys and tokens: where a key comes from, how it is hidden, and the short-lived secrets made with it."""
