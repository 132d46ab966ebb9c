"""Programmes as columns and rows: a part alone is the whole with the rest fixed."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.mip import Mip, Parts, Terms

SIZE = 5
numbers = st.lists(st.integers(-3, 3), min_size=SIZE, max_size=SIZE)


def value(terms: Terms, values: dict[int, float]) -> float:
    return sum(values[var] * price for var, price in terms)


@given(st.lists(numbers, min_size=1, max_size=4), numbers, st.lists(st.booleans(), min_size=SIZE, max_size=SIZE))
@settings(max_examples=25)
def test_a_part_alone_is_the_whole_with_the_rest_fixed(
    rows: list[list[int]], prices: list[int], free: list[bool]
) -> None:
    known = [1.0, 0.0, 2.0, 1.0, 0.0]
    mip = Mip()
    for index in range(SIZE):
        mip.add(0.0, 2.0, whole=index % 2 == 0)
    for row in rows:
        mip.row(enumerate(map(float, row)), -inf, sum(a * x for a, x in zip(row, known, strict=True)))
    terms = [(var, float(price)) for var, price in enumerate(prices)]
    part = Parts(mip, terms).minimize(np.array(free), np.array(known), 5.0, 0, 0.0, {}) if any(free) else None
    for var in (var for var in range(SIZE) if not free[var]):
        mip.low[var] = mip.high[var] = known[var]
    whole = mip.minimize(terms, 5.0, 0, 0.0, {}, relaxed=False)
    found = dict(enumerate(known)) | dict(part.values) if part else dict(enumerate(known))
    assert value(terms, found) == pytest.approx(value(terms, dict(whole.values)))


def test_a_row_that_is_dropped_binds_nobody_and_coefficients_of_a_column_add_up() -> None:
    mip = Mip()
    x = mip.add(0.0, 4.0)
    row = mip.row([(x, 1.0), (x, 1.0)], -inf, 4.0)
    assert mip.minimize([(x, -1.0)], 5.0, 0, 0.0, {}, relaxed=False).values[x] == pytest.approx(2.0)
    mip.drop(row)
    assert mip.minimize([(x, -1.0)], 5.0, 0, 0.0, {}, relaxed=True).values[x] == pytest.approx(4.0)
