"""The flood of prints in a real JupyterLab, many times in a row: `python -m tests.flood --times 10`."""
