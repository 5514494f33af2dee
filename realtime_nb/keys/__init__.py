"""Keys as values that nothing shows, and the refusal of keys in addresses."""
