"""Simulated series have their event where they say, and nothing else tells the class."""

import numpy as np
import pytest

from skdeeplift.datasets import make_event_series


def test_event_and_distractor_are_where_the_masks_say():
    dataset = make_event_series(300, length=30, event_length=8, noise=0, random_state=0)
    assert dataset.data.shape == (300, 30, 1)
    assert dataset.data.dtype == np.float32
    assert not (dataset.planted & dataset.distractor).any()
    assert (dataset.data[..., 0][~(dataset.planted | dataset.distractor)] == 0).all()
    period = np.sin(2 * np.pi * (np.arange(8) + 0.5) / 8)
    expected = np.where(dataset.target[:, None] == 1, period, -period)
    np.testing.assert_allclose(dataset.data[..., 0][dataset.planted].reshape(300, 8), expected, atol=1e-6)
    half = np.abs(dataset.data[..., 0][dataset.distractor].reshape(300, 8))
    np.testing.assert_allclose(half, np.tile(np.sin(np.pi * (np.arange(8) + 0.5) / 8), (300, 1)), atol=1e-6)


def test_neither_the_sum_nor_the_distractor_tells_the_class():
    dataset = make_event_series(4000, noise=0, random_state=0)
    sums = dataset.data.sum((1, 2))
    assert abs(np.corrcoef(sums, dataset.target)[0, 1]) < 0.06
    first = dataset.planted.argmax(1) < dataset.distractor.argmax(1)
    assert abs(first.mean() - 0.5) < 0.03
    assert abs(dataset.target.mean() - 0.5) < 0.03


def test_noise_has_its_standard_deviation_everywhere():
    quiet, noisy = (make_event_series(500, noise=noise, random_state=0).data for noise in (0, 0.7))
    difference = noisy - quiet
    np.testing.assert_allclose(difference.std(0), 0.7, rtol=0.15)
    assert abs(difference.mean()) < 0.02


def test_too_short_for_both():
    with pytest.raises(ValueError, match=r"length=23 is too short .* event_length=12"):
        make_event_series(1, length=23)
    assert make_event_series(1, length=24, random_state=0).planted.sum() == 12
