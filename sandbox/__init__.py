"""A double of the childcare platform with simulated centers. It shares no code with the client but `domain` types.

`simulate` draws a World (what was recorded and what was true); `sandbox.oracle` knows its chances; `sandbox.app` serves
it as the platform would; `sandbox.feed` writes it as a data feed.
"""

from sandbox.knobs import Knobs
from sandbox.simulation import simulate
from sandbox.world import Recorded, World

__all__ = ["Knobs", "Recorded", "World", "simulate"]
