"""Headcount forecasts: features, LightGBM models, calibration, baselines, backtests."""
