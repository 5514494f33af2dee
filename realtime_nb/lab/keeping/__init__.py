"""Trials on disk: what a run keeps of each, so that nothing is measured twice and nothing is lost."""
