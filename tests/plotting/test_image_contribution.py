import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift import Explanation
from skdeeplift.plotting import ImageContributionDisplay

IMAGES = np.linspace(0, 1, 2 * 4 * 3).reshape(2, 4, 3)


def explanation(contributions=None, X=IMAGES, **fields):
    contributions = np.arange(24.0).reshape(2, 4, 3) - 11 if contributions is None else contributions
    fields = {"prediction": np.zeros(2), "target": None, **fields}
    return Explanation(contributions=contributions, X=X, **fields)


def overlay(ax):
    """The contributions that are drawn, their limits and opacities."""
    drawn = ax.images[-1]
    return np.asarray(drawn.get_array()), drawn.get_clim(), drawn.get_alpha()


def test_contributions_over_a_pale_image():
    display = ImageContributionDisplay.from_explanation(explanation(), percentile=100)
    assert display.axes_.shape == (2, 2)
    for row, size in enumerate((11, 12)):
        values, limits, opacity = overlay(display.axes_[row, 1])
        np.testing.assert_array_equal(values, explanation().contributions[row])
        # Zero is in the middle.
        assert limits == (-size, size)
        assert opacity[values == 0].tolist() in ([], [0.0])
        np.testing.assert_array_equal(opacity[np.abs(values) >= size / 4], 1)
        image = display.axes_[row, 0].images[0]
        np.testing.assert_array_equal(image.get_array(), IMAGES[row])
        assert image.get_clim() == (0, 1)
    assert [ax.get_title() for ax in display.axes_[0]] == ["image", "contributions"]


@pytest.mark.parametrize(
    ("scale", "limits"),
    [("figure", [[24, 24], [24, 24]]), ("row", [[22, 22], [24, 24]]), ("panel", [[11, 22], [12, 24]])],
)
def test_scales(scale, limits):
    explanations = {"one": explanation(), "two": explanation(2 * explanation().contributions)}
    display = ImageContributionDisplay.from_explanation(explanations, scale=scale, percentile=100)
    np.testing.assert_array_equal(display.limits_, limits)
    assert [ax.get_title() for ax in display.axes_[0]] == ["image", "one", "two"]
    display.figure_.draw_without_rendering()
    for axes in display.axes_:
        assert np.ptp([ax.get_window_extent().y0 for ax in axes]) < 1
    n_bars = len(display.figure_.axes) - display.axes_.size
    assert n_bars == {"figure": 1, "row": 2, "panel": 4}[scale]


def test_a_few_pixels_do_not_outshine_the_others():
    contributions = np.ones((1, 20, 20))
    contributions[0, 0, 0] = 1000
    display = ImageContributionDisplay.from_explanation(explanation(contributions, np.ones((1, 20, 20))))
    assert display.limits_[0, 0] == pytest.approx(1, rel=1e-6)


def test_classes_side_by_side():
    both = np.stack([explanation().contributions, -explanation().contributions], -1)
    fields = {"prediction": np.zeros((2, 2)), "target": "all", "class_names": np.array(["cat", "dog"])}
    display = ImageContributionDisplay.from_explanation(explanation(both, **fields), rows=1)
    assert [ax.get_title() for ax in display.axes_[0]] == ["image", "cat", "dog"]
    np.testing.assert_array_equal(overlay(display.axes_[0, 2])[0], -explanation().contributions[1])
    display = ImageContributionDisplay.from_explanation(explanation(both, **fields), target=["dog"])
    assert [ax.get_title() for ax in display.axes_[0]] == ["image", "contributions"]
    many = explanation(np.zeros((2, 4, 3, 11)), prediction=np.zeros((2, 11)), target="all")
    with pytest.raises(ValueError, match="draws up to 10 targets side by side, and the explanation has 11"):
        ImageContributionDisplay.from_explanation(many)


def test_rows_targets_stand_beside_them():
    display = ImageContributionDisplay.from_explanation(explanation(target=np.array([8, 3])))
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["output 8", "output 3"]


def test_channels_are_summed():
    contributions = np.stack([explanation().contributions] * 3, -1)
    images = np.stack([255 * IMAGES] * 3, -1)
    display = ImageContributionDisplay.from_explanation(explanation(contributions, images), rows=[1])
    np.testing.assert_allclose(overlay(display.axes_[0, 1])[0], 3 * explanation().contributions[1])
    np.testing.assert_allclose(display.axes_[0, 0].images[0].get_array(), images[1] / 255)
    first = explanation(np.moveaxis(contributions, -1, 1), np.moveaxis(images, -1, 1))
    again = ImageContributionDisplay.from_explanation(first, rows=[1], channels_axis=1)
    np.testing.assert_allclose(overlay(again.axes_[0, 1])[0], 3 * explanation().contributions[1])


def test_flat_rows_need_a_shape():
    flat = explanation(explanation().contributions.reshape(2, 12), IMAGES.reshape(2, 12))
    with pytest.raises(ValueError, match=r"rows are flat, of shape \(12,\)\. Pass image_shape="):
        ImageContributionDisplay.from_explanation(flat)
    display = ImageContributionDisplay.from_explanation(flat, image_shape=(4, 3))
    np.testing.assert_array_equal(overlay(display.axes_[0, 1])[0], explanation().contributions[0])
    with pytest.raises(ValueError, match=r"image_shape=\(5, 3\) does not fit rows"):
        ImageContributionDisplay.from_explanation(flat, image_shape=(5, 3))


def test_a_layer_lies_over_the_same_area():
    coarse = explanation(np.ones((2, 2, 2, 5)))
    coarse.X = np.ones((2, 4, 3, 1))
    display = ImageContributionDisplay.from_explanation({"input": explanation(X=coarse.X[..., 0]), "layer": coarse})
    for ax in display.axes_[0, 1:]:
        assert {tuple(image.get_extent()) for image in ax.images} == {(-0.5, 2.5, 3.5, -0.5)}
    np.testing.assert_array_equal(overlay(display.axes_[0, 2])[0], np.full((2, 2), 5))


def test_given_axes():
    figure = Figure()
    ax = figure.subplots(1, 2)[1]
    display = ImageContributionDisplay.from_explanation(explanation(), ax=ax)
    assert display.figure_ is figure
    figure.draw_without_rendering()
    # All in the right half.
    assert min(each.get_position().x0 for each in display.axes_.ravel()) > 0.45
    axes = Figure().subplots(2, 2)
    assert ImageContributionDisplay.from_explanation(explanation(), ax=axes).axes_[1, 0] is axes[1, 0]
    with pytest.raises(ValueError, match=r"one axes for each picture, \(2, 2\)"):
        ImageContributionDisplay.from_explanation(explanation(), ax=axes[0])


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"Got contributions of shape \(2, 4, 3, 2, 2\)"):
        ImageContributionDisplay.from_explanation(explanation(np.zeros((2, 4, 3, 2, 2)), np.zeros((2, 4, 3, 2, 2))))
    with pytest.raises(ValueError, match="explanations of the same images"):
        ImageContributionDisplay.from_explanation({"one": explanation(), "two": explanation(X=1 - IMAGES)})
    with pytest.raises(ValueError, match="scale= takes one of 'figure', 'row', 'panel'"):
        ImageContributionDisplay.from_explanation(explanation(), scale="all")
    with pytest.raises(TypeError, match="Got list"):
        ImageContributionDisplay.from_explanation([explanation()])


class Explains:
    """Explains each pixel by its value times the target, as an explainer would."""

    def __init__(self, factor):
        self.factor = factor

    def explain(self, X, *, target=None):
        return explanation(self.factor * (1 if target is None else target) * X, X, target=target)


def test_only_the_drawn_rows_are_explained():
    explainers = {"one": Explains(1), "ten": Explains(10)}
    display = ImageContributionDisplay.from_explainer(explainers, IMAGES, rows=[1], target=[2, 3])
    titles = [ax.get_title().split() for ax in display.axes_[0]]
    assert titles[1:3] == ["one contribution to output 2".split(), "one contribution to output 3".split()]
    assert titles[4] == "ten contribution to output 3".split()
    np.testing.assert_allclose(overlay(display.axes_[0, 4])[0], 30 * IMAGES[1])


@pytest.mark.advice
def test_images_are_those_of_the_explanation():
    left = explanation(X=None)
    with pytest.raises(ValueError, match=r"the explanation does not hold them\. Set explanation\.X to the images"):
        ImageContributionDisplay.from_explanation(left)
    left.X = explanation().X
    np.testing.assert_array_equal(ImageContributionDisplay.from_explanation(left).images[..., 0], left.X[..., 0])


@pytest.mark.parametrize(
    ("sign", "function", "ends"),
    [
        ("positive", lambda values: np.maximum(values, 0), (0, 12)),
        ("negative", lambda values: np.minimum(values, 0), (-11, 0)),
        ("absolute", np.abs, (0, 12)),
    ],
)
def test_signs(sign, function, ends):
    display = ImageContributionDisplay.from_explanation(explanation(), sign=sign, percentile=100, scale="figure")
    for row in (0, 1):
        np.testing.assert_array_equal(overlay(display.axes_[row, 1])[0], function(explanation().contributions[row]))
    [bar] = [ax for ax in display.figure_.axes if ax not in display.axes_]
    assert bar.get_ylim() == ends
    assert [label.get_text() for label in bar.get_yticklabels()] == [str(each).replace("-", "−") for each in ends]
    assert bar.get_ylabel().startswith("absolute") == (sign == "absolute")
    with pytest.raises(ValueError, match="sign= takes one of 'all', 'positive', 'negative', 'absolute'"):
        ImageContributionDisplay.from_explanation(explanation(), sign="both")


def test_an_overlay_lies_on_the_full_image():
    display = ImageContributionDisplay.from_explanation(explanation(), alpha=0.5, percentile=100, rows=[0])
    below = display.axes_[0, 1].images[0].get_array()
    np.testing.assert_allclose(below, np.repeat(IMAGES[0][..., None], 3, -1))
    values, (_, limit), opacity = overlay(display.axes_[0, 1])
    np.testing.assert_allclose(opacity[np.abs(values) >= limit / 4], 0.5)
    assert opacity.max() == 0.5
    with pytest.raises(ValueError, match="alpha == 2"):
        ImageContributionDisplay.from_explanation(explanation(), alpha=2)


def test_methods_have_scales_of_their_own():
    """Methods differ in size by orders of magnitude; the classes of one explanation do not."""
    small = explanation(1e-3 * explanation().contributions)
    display = ImageContributionDisplay.from_explanation({"one": explanation(), "two": small}, percentile=100)
    np.testing.assert_allclose(display.limits_, [[11, 0.011], [12, 0.012]])
    both = np.stack([explanation().contributions, 2 * explanation().contributions], -1)
    fields = {"prediction": np.zeros((2, 2)), "target": "all"}
    display = ImageContributionDisplay.from_explanation(explanation(both, **fields), percentile=100)
    np.testing.assert_allclose(display.limits_, [[22, 22], [24, 24]])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("scale", ["figure", "row", "panel"])
@pytest.mark.parametrize("n_targets", [1, 10])
def test_texts_do_not_collide(scale, n_targets):
    contributions = 1e-4 * np.stack([explanation().contributions] * n_targets, -1)
    fields = {"prediction": np.zeros((2, n_targets)), "target": "all", "target_unit": "logit"}
    fields["class_names"] = np.array([f"label {each}" for each in range(n_targets)])
    display = ImageContributionDisplay.from_explanation(explanation(contributions, **fields), scale=scale)
    display.figure_.draw_without_rendering()
    texts = [text for ax in display.figure_.axes for text in [ax.title, ax.xaxis.label, ax.yaxis.label]]
    texts += [text for ax in display.figure_.axes for text in [*ax.get_xticklabels(), *ax.get_yticklabels()]]
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    assert len(boxes) > n_targets
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            overlap = mpl.transforms.Bbox.intersection(box, other)
            assert overlap is None or min(overlap.width, overlap.height) < 1


def test_channels_may_be_first():
    images = np.random.default_rng(0).uniform(size=(2, 3, 5, 6))
    display = ImageContributionDisplay.from_explanation(explanation(images - 0.5, images))
    np.testing.assert_allclose(overlay(display.axes_[1, 1])[0], (images[1] - 0.5).sum(0))
    np.testing.assert_allclose(display.axes_[1, 0].images[0].get_array(), np.moveaxis(images[1], 0, -1))


def test_series_lie_on_their_sides():
    series = np.random.default_rng(0).uniform(size=(2, 20, 3))
    display = ImageContributionDisplay.from_explanation(explanation(series - 0.5, series))
    np.testing.assert_allclose(overlay(display.axes_[1, 1])[0], (series[1] - 0.5).T)
    assert display.axes_[0, 0].get_title() == "values"
    assert display.axes_[0, 1].get_aspect() == "auto"
    assert len(display.axes_[0, 1].get_xticks()) > 2
    width, height = display.figure_.get_size_inches()
    assert width > height


def test_one_of_several_layers_is_over_the_image():
    layers = [np.ones((2, 4)), np.arange(8.0).reshape(2, 2, 2)]
    display = ImageContributionDisplay.from_explanation(explanation(layers, layer=["dense", "edges"]), part=1)
    np.testing.assert_array_equal(overlay(display.axes_[1, 1])[0], layers[1][1])
    np.testing.assert_array_equal(display.axes_[1, 0].images[0].get_array(), IMAGES[1])
