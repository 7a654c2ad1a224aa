import numpy as np
import pytest

from skdeeplift.references import Blur

GENERATOR = np.random.default_rng(0)


def weights(distances, sigma):
    """A Gaussian's, which `scipy.ndimage` cuts at four standard deviations."""
    distances = np.asarray(distances, float)
    gaussian = np.exp(-(distances**2) / (2 * sigma**2)) * (np.abs(distances) <= int(4 * sigma + 0.5))
    return gaussian / gaussian.sum()


def test_weights_are_those_of_a_gaussian():
    series = np.zeros((1, 21, 2))
    series[0, 10, 1] = 1
    blurred = Blur(1.5).fit(series).sample(series, 5)
    assert blurred.shape == (1, 1, 21, 2)
    np.testing.assert_allclose(blurred[0, 0, :, 1], weights(np.arange(21) - 10, 1.5), rtol=1e-12)
    np.testing.assert_array_equal(blurred[..., 0], 0)


def test_images_by_rows_and_columns_but_not_by_channels_or_company():
    images = GENERATOR.uniform(size=(3, 15, 17, 2)).astype(np.float32)
    blur = Blur((1.0, 2.0)).fit(images)
    blurred = blur.sample(images, 1)
    assert blurred.dtype == np.float32
    inner = np.einsum("hwc,h,w->c", images[1], weights(np.arange(15) - 7, 1.0), weights(np.arange(17) - 8, 2.0))
    np.testing.assert_allclose(blurred[1, 0, 7, 8], inner, rtol=1e-5)
    np.testing.assert_array_equal(blur.sample(images[[1]], 1)[0], blurred[1])


def test_constant_rows_stay_as_they_are():
    images = np.full((2, 8, 8, 1), 3.0)
    np.testing.assert_allclose(Blur(10.0).fit(images).sample(images, 1)[:, 0], images, rtol=1e-12)


def test_axes_that_are_named():
    series = GENERATOR.normal(size=(2, 9))
    expected = Blur(1.0).fit(series[..., None]).sample(series[..., None], 1)[..., 0]
    np.testing.assert_allclose(Blur(1.0, axes=1).fit(series).sample(series, 1), expected)
    channels_first = np.moveaxis(GENERATOR.normal(size=(2, 9, 3)), 2, 1)
    got = Blur(1.0, axes=(-1,)).fit(channels_first).sample(channels_first, 1)
    expected = Blur(1.0).fit(np.moveaxis(channels_first, 1, 2)).sample(np.moveaxis(channels_first, 1, 2), 1)
    np.testing.assert_allclose(got, np.moveaxis(expected, 3, 2))


@pytest.mark.parametrize(
    ("parameters", "rows", "message"),
    [
        ({}, np.zeros((3, 4)), "columns have no neighbours"),
        ({}, np.zeros((3, 4, 2), int), "integers such as tokens have no mean"),
        ({"axes": 3}, np.zeros((3, 4, 2)), "axes=3 are no axes"),
        ({"axes": (0,)}, np.zeros((3, 4, 2)), "are no axes of X's features"),
        ({"sigma": (1.0, 2.0)}, np.zeros((3, 4, 2)), "one for each of the axes"),
        ({"sigma": -1.0}, np.zeros((3, 4, 2)), "'sigma' parameter of Blur"),
        ({"mode": "unknown"}, np.zeros((3, 4, 2)), "'mode' parameter of Blur"),
    ],
)
def test_bad_input(parameters, rows, message):
    with pytest.raises(ValueError, match=message):
        Blur(**parameters).fit(rows)
