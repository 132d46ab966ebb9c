"""Reads blocks problems from files: our JSON, or the text format in which the literature's instances are shared.

The text: `Jobs = n`, n lines `start end`, `Qualifications = m`, m lines `count: job numbers from 0`; `#` starts a
comment, other `Name = value` lines are passed over. Times are whole numbers, which may be written 480.0. Jobs become
blocks b0, b1, ...; workers become floats f0, f1, ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from domain.errors import BadInput
from optimizer.blocks.problem import LATEST, Block, BlocksProblem, Floater
from optimizer.problem import sentence

Lines = Iterator[tuple[int, str]]


def read_blocks(path: Path) -> BlocksProblem:
    """The problem in the file; BadInput names file, line or field, and what to do."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; give a blocks problem (docs/formats.md)") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not text in UTF-8; give a blocks problem (docs/formats.md)") from error
    if not text.strip():
        raise BadInput(f"{path} is empty; give a blocks problem (docs/formats.md)")
    if text.lstrip().startswith(("{", "[")):
        return BlocksProblem.read(text, str(path))
    return _from_text(text, path)


def _from_text(text: str, path: Path) -> BlocksProblem:
    lines = _meaningful(text)
    jobs: list[tuple[int, int]] | None = None
    skills: list[list[int]] | None = None
    for number, line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise BadInput(
                f"{path}, line {number}: '{line[:40]}' is neither `Name = number` nor announced by one; "
                "does the number of jobs or qualifications match the lines that follow it?"
            )
        if name.lower() == "jobs" and jobs is None:
            count = _count(path, number, name, value)
            jobs = [_job(path, *_next(lines, path, name, count)) for _ in range(count)]
        elif name.lower() == "qualifications" and jobs is not None and skills is None:
            count, many = _count(path, number, name, value), len(jobs)
            skills = [_skill(path, *_next(lines, path, name, count), many) for _ in range(count)]
        elif name.lower() in ("jobs", "qualifications"):
            raise BadInput(f"{path}, line {number}: give `Jobs` once, then `Qualifications` once")
    if jobs is None or skills is None:
        raise BadInput(
            f"{path}: `{'Jobs' if jobs is None else 'Qualifications'} = number` is missing; add it, or give JSON"
        )
    return _problem(path, jobs, skills)


def _problem(path: Path, jobs: list[tuple[int, int]], skills: list[list[int]]) -> BlocksProblem:
    try:
        return BlocksProblem(
            label=path.stem[:64] or "blocks",
            blocks=tuple(Block(block_id=f"b{n}", start=start, end=end) for n, (start, end) in enumerate(jobs)),
            floats=tuple(
                Floater(staff_id=f"f{n}", blocks=tuple(f"b{job}" for job in able)) for n, able in enumerate(skills)
            ),
        )
    except ValidationError as error:
        raise BadInput(f"{path}: {sentence(error)}") from error


def _meaningful(text: str) -> Lines:
    """Line numbers from 1 with the text before any comment; empty ones are passed over."""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if line:
            yield number, line


def _count(path: Path, number: int, name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise BadInput(f"{path}, line {number}: '{value[:40]}' is not how many lines follow; write `{name} = number`")
    return int(value)


def _next(lines: Lines, path: Path, section: str, count: int) -> tuple[int, str]:
    found = next(lines, None)
    if found is None:
        raise BadInput(
            f"{path}: the file ends before the {count} lines that `{section} = {count}` announces; correct either"
        )
    return found


def _job(path: Path, number: int, line: str) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?\d{1,19})(?:\.0*)?[\s,;]+([+-]?\d{1,19})(?:\.0*)?", line)
    if not match:
        raise BadInput(
            f"{path}, line {number}: '{line[:40]}' is not a job; write two whole numbers, its start and its end "
            "(times with a fraction in a smaller unit)"
        )
    start, end = int(match[1]), int(match[2])
    if end <= start:
        raise BadInput(
            f"{path}, line {number}: a job must end after it starts, and {end} is not after {start}; correct it"
        )
    if max(abs(start), abs(end)) > LATEST:
        raise BadInput(f"{path}, line {number}: '{line[:40]}' is too large; times are at most {LATEST} from 0")
    return start, end


def _skill(path: Path, number: int, line: str, jobs: int) -> list[int]:
    match = re.fullmatch(r"(\d{1,9})\s*:((?:[\s,]*\b\d{1,9}\b)*)[\s,]*", line)
    if not match:
        raise BadInput(f"{path}, line {number}: '{line[:40]}' is not a qualification; write `count: job job ...`")
    able = [int(job) for job in re.findall(r"\d+", match[2])]
    if len(able) != int(match[1]):
        raise BadInput(
            f"{path}, line {number}: {match[1]} jobs are announced and {len(able)} are listed; correct either"
        )
    stranger = next((job for job in able if job >= jobs), None)
    if stranger is not None:
        raise BadInput(f"{path}, line {number}: there is no job {stranger}; they are numbered 0 to {jobs - 1}")
    return able
