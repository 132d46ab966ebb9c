"""Licensing rules as data: who counts, required staff, group limits, headroom. Pure; loads data/rules."""

from rulebook.book import Combined, Rulebook
from rulebook.documents import codes
from rulebook.loading import load
from rulebook.situation import ACTIVITIES, ADULT_STATES, AdultHere, Building, ChildHere, RoomLicence, Situation
from rulebook.verdict import Departure, Governing, Headroom, Uncounted, Verdict

__all__ = [
    "ACTIVITIES",
    "ADULT_STATES",
    "AdultHere",
    "Building",
    "ChildHere",
    "Combined",
    "Departure",
    "Governing",
    "Headroom",
    "RoomLicence",
    "Rulebook",
    "Situation",
    "Uncounted",
    "Verdict",
    "codes",
    "load",
]
