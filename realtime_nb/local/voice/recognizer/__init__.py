"""Recognition of commands with pocketsphinx: a language model of expected sentences, and a check of the result."""
