"""Notebooks for analysts: percent sources paired with .ipynb files without outputs; `make notebooks` runs them."""
