"""Headcount forecasts: features, LightGBM models, calibration, baselines, backtests."""

from forecasting.forecast import Forecast
from forecasting.history import History, Known

__all__ = ["Forecast", "History", "Known"]
