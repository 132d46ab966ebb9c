"""Licensing rules as data: who counts, required staff, group limits, headroom. Pure; loads data/rules."""

from rulebook.situation import ACTIVITIES, ADULT_STATES, AdultHere, Building, ChildHere, RoomLicence, Situation
from rulebook.verdict import Departure, Governing, Headroom, Uncounted, Verdict

__all__ = [
    "ACTIVITIES",
    "ADULT_STATES",
    "AdultHere",
    "Building",
    "ChildHere",
    "Departure",
    "Governing",
    "Headroom",
    "RoomLicence",
    "Situation",
    "Uncounted",
    "Verdict",
]
