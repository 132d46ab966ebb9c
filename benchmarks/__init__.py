"""Measurements of every target, as ratios against a peer or the naive way in one run; `make bench` runs them all.

A benchmark is a module here with `run() -> list[dict]`: one row per figure.
"""
