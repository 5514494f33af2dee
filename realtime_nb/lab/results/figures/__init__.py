"""Matplotlib figures of results, one kind a file; `shown_figure.py` says how they look in light and dark."""
