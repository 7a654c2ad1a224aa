"""Placements of parts that do not overlap."""

from collections import Counter

import numpy as np
import pytest

from skdeeplift.datasets.simulations import draw_starts


def test_every_arrangement_is_as_probable_as_any_other():
    # Widths 2 and 1 in 4 positions: (0, 2), (0, 3), (1, 3).
    generator = np.random.RandomState(0)
    counts = Counter(tuple(draw_starts(4, [2, 1], generator).tolist()) for _ in range(3000))
    assert set(counts) == {(0, 2), (0, 3), (1, 3)}
    # 1000 of each, with a standard deviation of 26.
    assert all(abs(count - 1000) < 120 for count in counts.values())


@pytest.mark.parametrize("widths", [[], [5], [1, 3, 1]])
def test_all_fit_even_tightly(widths):
    starts = draw_starts(5, widths, np.random.RandomState(0))
    taken = [start + step for start, width in zip(starts, widths, strict=True) for step in range(width)]
    assert len(set(taken)) == len(taken) == sum(widths)
    assert all(0 <= position < 5 for position in taken)
