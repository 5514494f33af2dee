"""The practice voice's answers, by rules: the same conversation gives the same reply."""
