"""Seeded instances of the families of the SMPTSP literature, none of its files: nothing has been chosen on them alone.

`planted` (Krishnamoorthy, Ernst and Baatar 2012; Smet et al. 2014): each of a few floats fills a day with blocks, which
shows that they suffice; then every float may do each other block by chance. `shifts` (as Lapegue and Fages): floats are
there for eight hours and may do a share of what falls within. `sparse`: few floats per block, blocks at any hour.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from optimizer import BlocksProblem

DAY = 1440  # minutes
Jobs = list[tuple[int, int]]
Made = tuple[Jobs, list[set[int]]]


@dataclass(frozen=True)
class Kind:
    """How an instance is made; `skill` is the chance that a float may do a block, durations are in minutes."""

    make: Callable[[random.Random, Kind], Made]
    floats: int
    skill: float
    shortest: int
    longest: int
    needed: int = 0  # planted: floats who have blocks of their own
    blocks: int = 0  # shifts, sparse


def instances(seed: int = 1) -> Iterator[BlocksProblem]:
    """One problem per line of the table below; the label tells the family, floats, blocks and skill."""
    for number, kind in enumerate(KINDS):
        jobs, skills = kind.make(random.Random(f"{seed}/{number}"), kind)
        name = kind.make.__name__
        yield BlocksProblem.model_validate(
            {
                "label": f"{name}_{kind.floats}_{len(jobs)}_{round(100 * kind.skill)}_seed{seed}",
                "blocks": [{"block_id": f"b{n}", "start": start, "end": end} for n, (start, end) in enumerate(jobs)],
                "floats": [
                    {"staff_id": f"f{n}", "blocks": [f"b{job}" for job in sorted(able)]}
                    for n, able in enumerate(skills)
                ],
            }
        )


def planted(rng: random.Random, kind: Kind) -> Made:
    """Days filled with blocks and short pauses; each float keeps its own blocks and gains others by chance."""
    jobs: Jobs = []
    skills: list[set[int]] = [set() for _ in range(kind.floats)]
    for own in skills[: kind.needed]:
        now = rng.randrange(kind.shortest // 4 + 1)
        while now + kind.shortest <= DAY:
            end = min(DAY, now + rng.randint(kind.shortest, kind.longest))
            own.add(len(jobs))
            jobs.append((now, end))
            now = end + rng.randrange(max(1, (kind.shortest + kind.longest) // 10))
    for own in skills:
        own |= {job for job in range(len(jobs)) if rng.random() < kind.skill}
    return jobs, skills


def shifts(rng: random.Random, kind: Kind) -> Made:
    """Eight hours per float somewhere in the day; blocks are spread evenly."""
    jobs = _anywhere(rng, kind)
    skills = []
    for _ in range(kind.floats):
        comes = rng.randrange(-240, DAY - 240)
        within = [n for n, (start, end) in enumerate(jobs) if comes <= start and end <= comes + 480]
        skills.append({job for job in within if rng.random() < kind.skill})
    return _someone_for_each(rng, jobs, skills)


def sparse(rng: random.Random, kind: Kind) -> Made:
    """Blocks anywhere; each float may do a small share of all."""
    jobs = _anywhere(rng, kind)
    skills = [{job for job in range(len(jobs)) if rng.random() < kind.skill} for _ in range(kind.floats)]
    return _someone_for_each(rng, jobs, skills)


def _anywhere(rng: random.Random, kind: Kind) -> Jobs:
    starts = [rng.randrange(DAY - kind.shortest) for _ in range(kind.blocks)]
    return [(start, start + rng.randint(kind.shortest, kind.longest)) for start in starts]


def _someone_for_each(rng: random.Random, jobs: Jobs, skills: list[set[int]]) -> Made:
    """A block nobody may do gets a float; all may still be too few, and some weight must then stay uncovered."""
    for job in range(len(jobs)):
        if not any(job in able for able in skills):
            rng.choice(skills).add(job)
    return jobs, skills


KINDS = (
    Kind(planted, 25, 0.66, 400, 600, needed=20),
    Kind(planted, 60, 0.33, 400, 600, needed=50),
    Kind(planted, 110, 0.33, 350, 600, needed=95),
    Kind(planted, 60, 0.33, 100, 200, needed=50),
    Kind(planted, 40, 0.2, 100, 300, needed=32),
    Kind(planted, 60, 0.12, 100, 300, needed=45),
    Kind(planted, 200, 0.66, 150, 300, needed=170),
    Kind(planted, 300, 0.33, 120, 220, needed=250),
    Kind(shifts, 80, 0.5, 60, 100, blocks=110),
    Kind(shifts, 200, 0.6, 60, 120, blocks=350),
    Kind(sparse, 60, 0.06, 60, 180, blocks=120),
    Kind(sparse, 120, 0.04, 60, 240, blocks=250),
    Kind(sparse, 60, 0.15, 30, 120, blocks=200),
    Kind(sparse, 40, 0.3, 30, 90, blocks=150),
    Kind(planted, 50, 0.2, 100, 300, needed=40),
    Kind(planted, 100, 0.2, 100, 300, needed=80),
)
