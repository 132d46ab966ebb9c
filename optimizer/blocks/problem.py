"""Blocks of work and the floats who may take them: the question "how few floats cover all of it?" and its answer.

Times are whole numbers of one unit the caller chooses (minutes, slots); a block is half-open `[start, end)`. A float
does one block at a time. The literature calls it shift minimisation personnel task scheduling. JSON: docs/formats.md.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from optimizer.problem import Name, Part, read

LATEST = 2**53  # what any reader of JSON keeps exact; milliseconds since 1970 fit
Time = Annotated[int, Field(ge=-LATEST, le=LATEST)]


class Block(Part):
    """Work for one adult from start to end; `weight` is what leaving it uncovered counts."""

    block_id: Name
    start: Time
    end: Time
    weight: int = Field(default=1, ge=1, le=1000)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"'end' ({self.end}) must be greater than 'start' ({self.start})")
        return self


class Floater(Part):
    """An adult and the blocks the adult is qualified for."""

    staff_id: Name
    name: str = ""
    blocks: tuple[Name, ...] = ()


class BlocksProblem(Part):
    """First leave as little weight uncovered as possible, then use as few floats as possible."""

    format: Literal["ratiocast-blocks-1"] = "ratiocast-blocks-1"
    label: Name = "blocks"
    blocks: tuple[Block, ...] = Field(max_length=10_000)
    floats: tuple[Floater, ...] = Field(max_length=5_000)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @classmethod
    def read(cls, text: str | bytes, source: str = "the problem") -> BlocksProblem:
        """A problem from JSON; BadInput names the field that is wrong."""
        return read(cls, text, source)

    @property
    def input_hash(self) -> str:
        """SHA-256 of the canonical JSON: two problems with one hash ask the same question."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        known = Counter(block.block_id for block in self.blocks)
        for kind, seen in (("block_id", known), ("staff_id", Counter(adult.staff_id for adult in self.floats))):
            twice = next((name for name, count in seen.items() if count > 1), None)
            if twice is not None:
                raise ValueError(f"{kind} '{twice}' occurs twice")
        for number, adult in enumerate(self.floats):
            stranger = next((name for name in adult.blocks if name not in known), None)
            if stranger is not None:
                raise ValueError(f"floats[{number}].blocks names '{stranger}', which is not among the blocks")
        return self


class Duty(Part):
    block_id: Name
    staff_id: Name


class Uncovered(Part):
    block_id: Name
    reason: str


class Proof(Part):
    """Prices of blocks (in 1/unit) that show the bound: see `optimizer.blocks.check`."""

    unit: int = Field(ge=1)
    prices: dict[str, Annotated[int, Field(ge=0)]]


class BlocksPlan(Part):
    """Who does which block. The bound on floats holds given the weight left uncovered; it is 0 while that is open."""

    format: Literal["ratiocast-blocks-plan-1"] = "ratiocast-blocks-plan-1"
    label: Name
    problem_hash: str
    status: Literal["optimal", "feasible"] = Field(description="optimal: proven on both goals.")
    floats_used: int = Field(ge=0)
    floats_bound: int = Field(ge=0)
    uncovered_weight: int = Field(ge=0)
    uncovered_bound: int = Field(ge=0)
    seed: int
    seconds: float = Field(ge=0)
    duties: tuple[Duty, ...]
    uncovered: tuple[Uncovered, ...] = ()
    proof: Proof | None = Field(default=None, description="null: the bound is the solver's word.")

    @classmethod
    def read(cls, text: str | bytes, source: str = "the plan") -> BlocksPlan:
        """A plan from JSON; BadInput names the field that is wrong."""
        return read(cls, text, source)

    @property
    def gap(self) -> float | None:
        """Relative distance of the floats used to the bound; None while the uncovered weight is not proven."""
        if self.uncovered_weight > self.uncovered_bound:
            return None
        return (self.floats_used - self.floats_bound) / self.floats_used if self.floats_used else 0.0
