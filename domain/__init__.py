"""Pure types of the childcare world and of time; standard library only.

Everything here is immutable, keyed by ids, in aware UTC, and knows nothing of stores, networks or clocks.
"""
