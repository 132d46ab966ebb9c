"""Headcount forecasts: features, LightGBM models, calibration, baselines, backtests."""

from forecasting.forecast import Forecast
from forecasting.history import History, Known
from forecasting.model import Model, train

__all__ = ["Forecast", "History", "Known", "Model", "train"]
