"""Licensing rules as data: who counts, required staff, group limits, headroom. Pure; loads data/rules."""
