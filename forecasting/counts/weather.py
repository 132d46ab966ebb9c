"""Weather of a site of counts: the covariates of `forecasting.covariates`."""

from forecasting.covariates import PREFIX, Weather, read_weather

__all__ = ["PREFIX", "Weather", "read_weather"]
