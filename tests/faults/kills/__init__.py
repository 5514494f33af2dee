"""Conversations whose connection is killed at random frames, and the check that every answer fits its question."""
