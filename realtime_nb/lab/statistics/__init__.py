"""What trials say about variants: estimates, intervals and tests, with the utterance as the unit.

`compare.py` answers questions; the other files hold one method each. Methods and their calibration are described in
the docstrings and checked by `python -m tests.bench.lab_calibration`.
"""
