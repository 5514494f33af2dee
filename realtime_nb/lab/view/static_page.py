"""Results as a page without a kernel: what a saved notebook keeps.

Owns which parts of results it holds. Must not know notebooks.
"""

from __future__ import annotations

from .source import ResultsSource


def static_html(results: ResultsSource) -> str:
    """Return results as HTML that needs neither kernel nor script."""
    return results._repr_html_()  # type: ignore[attr-defined, no-any-return]
