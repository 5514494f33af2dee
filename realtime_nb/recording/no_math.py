"""The HTML classes that keep a notebook from reading dollar signs as mathematics.

Owns their names. Must not know what is shown.

JupyterLab typesets every text/html output: "about $1.48, at most $4.26" lost its dollar signs and spaces
(docs/notebook.md 40).
"""

from __future__ import annotations

NO_MATH = "mathjax_ignore tex2jax_ignore"
"""For `class` of an outermost element: the names that MathJax 3 (JupyterLab) and MathJax 2 (exports) ignore."""
