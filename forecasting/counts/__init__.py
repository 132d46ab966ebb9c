"""Forecasts of rooms of which only counts are known, their baselines, and the backtest that compares them."""

from forecasting.counts.backtest import backtest
from forecasting.counts.distribution import CountDistribution
from forecasting.counts.grid import read_counts
from forecasting.counts.health import health, served
from forecasting.counts.scores import scored, significance, summary
from forecasting.counts.stored import load, save
from forecasting.counts.trained import CountModel
from forecasting.counts.weather import Weather, read_weather

__all__ = [
    "CountDistribution",
    "CountModel",
    "Weather",
    "backtest",
    "health",
    "load",
    "read_counts",
    "read_weather",
    "save",
    "scored",
    "served",
    "significance",
    "summary",
]
