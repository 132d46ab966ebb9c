"""Where the console finds what is in force."""

from api.in_force import in_force

__all__ = ["in_force"]
