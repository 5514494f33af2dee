"""Graders: functions from a trial to a number, a bool, a label, or a dict of these.

`builtin.py` and `words.py` hold those that come with the lab, `run.py` runs any grader safely.
"""
