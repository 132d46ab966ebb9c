"""Where the console finds how a day is posed."""

from api.day_problem import DayFacts, pose_day, slots_ahead

__all__ = ["DayFacts", "pose_day", "slots_ahead"]
