"""Checks with real models, by hand: a recogniser, a voice and a language model. No part of the usual tests."""
