"""Prefect flows: ingest, build, train, forecast, plan, publish."""
