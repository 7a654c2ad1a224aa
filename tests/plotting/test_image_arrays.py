import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting.display import colors_on
from skdeeplift.plotting.image_arrays import channels_axis, displayable, pale, take_sign

CONTRIBUTIONS = np.array([[[1.0, -2.0], [0.0, 3.0]]])


def test_signs():
    np.testing.assert_array_equal(take_sign(CONTRIBUTIONS, "all", 0), CONTRIBUTIONS)
    np.testing.assert_array_equal(take_sign(CONTRIBUTIONS, "positive", 0), [[[1, 0], [0, 3]]])
    np.testing.assert_array_equal(take_sign(CONTRIBUTIONS, "negative", 0), [[[0, -2], [0, 0]]])
    np.testing.assert_array_equal(take_sign(CONTRIBUTIONS, "absolute", 0), [[[1, 2], [0, 3]]])


def test_smoothing_spreads_each_image_by_itself_and_keeps_its_sum():
    images = np.zeros((2, 9, 9))
    images[0, 4, 4] = 1
    smooth = take_sign(images, "all", 1.0)
    np.testing.assert_allclose(smooth.sum((1, 2)), [1, 0], rtol=1e-6)
    # The middle of a Gaussian of deviation 1 has 1 / (2 pi).
    assert smooth[0, 4, 4] == pytest.approx(1 / (2 * np.pi), rel=1e-2)
    # The sign is taken of smoothed contributions, in which neighbours cancel.
    pair = np.zeros((1, 9, 9))
    pair[0, 4, 4:6] = 1, -1
    assert take_sign(pair, "positive", 1.0).max() < take_sign(pair, "positive", 0).max()


@pytest.mark.parametrize(("image", "scaled"), [([[0, 255]], [[0, 1]]), ([[0, 1]], [[0, 1]]), ([[-1, 3]], [[0, 1]])])
def test_images_are_scaled(image, scaled):
    np.testing.assert_array_equal(displayable(np.array(image, float)), scaled)


def test_pale_images_keep_the_order_of_grays():
    for background in ("white", "black"):
        colors = colors_on(Figure(facecolor=background).add_subplot(facecolor=background))
        shades = pale(np.array([[0.0, 0.5, 1.0]]), colors)[0, :, 0]
        assert (np.diff(shades) > 0).all()
        assert np.ptp(shades) < 0.35


@pytest.mark.parametrize(
    ("shape", "axis"), [((9, 8, 8), None), ((9, 8, 8, 3), -1), ((9, 3, 8, 8), 1), ((9, 1, 4, 4), -1), ((9, 3), None)]
)
def test_axes_of_channels(shape, axis):
    assert channels_axis(shape) == axis
