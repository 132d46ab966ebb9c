"""Endpoints by subject. Each parses, calls the service, returns; rules of access are named in each signature."""
