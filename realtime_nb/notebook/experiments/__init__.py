"""Experiments with single turns of a widget's conversation: turns kept as utterances, and turns asked again."""
