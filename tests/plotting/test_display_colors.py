import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift.plotting.display import colors_on, lightness, robust_limit

BACKGROUNDS = {"white": False, "#f5efe0": False, "black": True, "#16181d": True}


def contrast(one, other):
    """Return the contrast of two colours by the Web Content Accessibility Guidelines."""

    def luminance(color):
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in color[:3]]
        return np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05

    first, second = luminance(one), luminance(other)
    return max(first, second) / min(first, second)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_colors_stand_out_from_the_background(background):
    ax = Figure(facecolor=background).add_subplot(facecolor=background)
    colors = colors_on(ax)
    rgb = mpl.colors.to_rgb(background)
    assert colors.is_dark == BACKGROUNDS[background]
    # Graphics should have 3, text 4.5.
    assert contrast(colors.ink, rgb) > 4.5
    assert all(contrast(mpl.colors.to_rgb(each), rgb) > 3 for each in (colors.positive, colors.negative, colors.single))
    assert all(contrast(mpl.colors.to_rgb(each), rgb) > 1.8 for each in colors.classes)
    assert contrast(colors.muted, rgb) > 2
    assert min(contrast(each, rgb) for each in colors.values(np.linspace(0, 1, 9))) > 1.4


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_zero_looks_like_the_background(background):
    colors = colors_on(Figure(facecolor=background).add_subplot(facecolor=background))
    # Of 511 colours the one in the middle.
    np.testing.assert_allclose(colors.signed(0.5)[:3], mpl.colors.to_rgb(background), atol=1e-9)
    for half in (np.linspace(0.5, 0, 50), np.linspace(0.5, 1, 50)):
        away = [abs(lightness(each) - lightness(colors.background)) for each in colors.signed(half)]
        assert (np.diff(away) > 0).all()
    # Blue below, red above.
    low, high = colors.signed(0.25), colors.signed(0.75)
    assert low[2] > low[0]
    assert high[0] > high[2]


def test_transparent_axes_show_what_is_below():
    assert colors_on(Figure(facecolor="black").add_subplot(facecolor="none")).background == (0, 0, 0)
    ax = Figure(facecolor="none").add_subplot(facecolor="none")
    assert colors_on(ax).background == (1, 1, 1)
    ax.xaxis.label.set_color("white")
    assert colors_on(ax).background == (0, 0, 0)


@pytest.mark.parametrize(
    ("contributions", "percentile", "limit"),
    [
        ([1.0, -3.0], 100, 3),
        ([1.0, -3.0], 50, 2),
        ([0.0, 0.0, 0.0, 2.0], 50, 2),
        ([0.0], 99, 1),
        ([], 99, 1),
        ([np.nan, 5], 99, 5),
    ],
    ids=str,
)
def test_limits_are_percentiles_of_sizes(contributions, percentile, limit):
    assert robust_limit(np.array(contributions), percentile) == limit


def test_many_classes_have_different_colors():
    colors = colors_on(Figure().add_subplot())
    assert colors.by_class(1) == [colors.single]
    assert len(set(map(tuple, colors.by_class(12)))) == 12


def test_scale_of_contributions():
    colors = colors_on(Figure().add_subplot())
    scale = colors.signed_scale(2)
    assert scale.get_clim() == (-2, 2)
    np.testing.assert_array_equal(scale.to_rgba(1), colors.signed(0.75))
