"""Breaks a group of workers in every way that is promised to cost nothing, and compares what is left with an oracle.

`traffic` sends, `group` keeps the workers, `faults` breaks them in an order that the seed decides, `verdict` compares.
"""
