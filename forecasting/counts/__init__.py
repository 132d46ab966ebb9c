"""Forecasts of rooms of which only counts are known, their baselines, and the backtest that compares them."""

from forecasting.counts.backtest import backtest
from forecasting.counts.grid import read_counts
from forecasting.counts.scores import scored, significance, summary
from forecasting.counts.trained import CountModel

__all__ = ["CountModel", "backtest", "read_counts", "scored", "significance", "summary"]
