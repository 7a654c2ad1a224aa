import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from skdeeplift import Explanation
from skdeeplift.plotting import TokenDisplay

VOCABULARY = ["", "not", "bad", "film"]


def explanation(**fields):
    return Explanation(
        **{
            "contributions": np.array([[2.0, -1.0, 0.0], [0.5, 0.0, 0.0]]),
            "X": np.array([[1, 2, 3], [3, 0, 0]]),
            "prediction": np.zeros(2),
            "target": None,
            "feature_names": np.array(["x0", "x1", "x2"]),
            **fields,
        }
    )


def words(display):
    return [text.get_text() for text in display.ax_.texts]


def boxes(display):
    return [text.get_bbox_patch().get_facecolor() for text in display.ax_.texts]


def test_words_have_the_colors_of_their_contributions():
    display = TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=VOCABULARY)
    assert words(display) == ["not", "bad", "film"]
    assert display.limit_ == 2
    positive, negative, zero = boxes(display)
    bar = display.figure_.axes[1]
    [mesh] = [each for each in bar.collections if isinstance(each, mpl.collections.QuadMesh)]
    np.testing.assert_allclose(positive, mesh.cmap(1.0))
    np.testing.assert_allclose(negative, mesh.cmap(0.25))
    np.testing.assert_allclose(zero, mpl.colors.to_rgba("white"), atol=1e-9)
    assert bar.get_xlabel() == "contribution"


def test_words_can_be_read_on_their_colors():
    display = TokenDisplay([list("abcdefghijk")], [np.linspace(-1, 1, 11)]).plot()
    for text, box in zip(display.ax_.texts, boxes(display), strict=True):
        ink, ground = (
            np.dot(mpl.colors.to_rgb(color), (0.2126, 0.7152, 0.0722)) for color in (text.get_color(), box[:3])
        )
        assert abs(ink - ground) > 0.35


@pytest.mark.parametrize("n_words", [1, 60])
def test_words_neither_overlap_nor_leave_the_axes(n_words):
    r = np.random.default_rng(0)
    text = ["w" * size for size in r.integers(1, 12, n_words)]
    display = TokenDisplay([text], [r.normal(size=n_words)]).plot()
    display.figure_.draw_without_rendering()
    extents = [text.get_bbox_patch().get_window_extent() for text in display.ax_.texts]
    axes = display.ax_.get_window_extent().padded(1)
    assert all(axes.contains(*corner) for box in extents for corner in box.corners())
    for place, box in enumerate(extents):
        for other in extents[place + 1 :]:
            overlap = mpl.transforms.Bbox.intersection(box, other)
            assert overlap is None or min(overlap.width, overlap.height) < 1
    # In the order of reading.
    order = sorted(range(n_words), key=lambda place: (-round(extents[place].y0), extents[place].x0))
    assert order == list(range(n_words))


def test_several_rows():
    display = TokenDisplay.from_explanation(explanation(), rows=[1, 0], vocabulary=VOCABULARY)
    assert words(display) == ["row 1", "film", "row 0", "not", "bad", "film"]
    heights = [text.xyann[1] for text in display.ax_.texts]
    assert heights[0] > heights[1] > heights[2] > heights[3] == heights[5]


def test_the_first_rows_are_drawn_where_none_are_chosen():
    assert words(TokenDisplay.from_explanation(explanation(), vocabulary=VOCABULARY, padding=0)) == [
        *("row 0", "not", "bad", "film"),
        *("row 1", "film"),
    ]
    many = explanation(contributions=np.zeros((9, 3)), X=np.ones((9, 3), int), prediction=np.zeros(9))
    assert len(TokenDisplay.from_explanation(many).words) == 5


@pytest.mark.parametrize(
    "vocabulary",
    [VOCABULARY, dict(enumerate(VOCABULARY)), lambda ids: [VOCABULARY[each] for each in ids], np.array(VOCABULARY)],
    ids=["list", "dict", "function", "array"],
)
def test_vocabularies(vocabulary):
    assert words(TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=vocabulary)) == ["not", "bad", "film"]


def test_ids_and_own_words():
    assert words(TokenDisplay.from_explanation(explanation(), rows=0)) == ["1", "2", "3"]
    assert words(TokenDisplay.from_explanation(explanation(), rows=1, padding=0)) == ["3"]
    assert words(TokenDisplay.from_explanation(explanation(), rows=0, words=["$a", "b$", "_c^"])) == ["$a", "b$", "_c^"]


def test_dimensions_of_an_embedding_are_summed():
    contributions = np.stack([explanation().contributions, explanation().contributions], -1)
    display = TokenDisplay.from_explanation(
        explanation(contributions=contributions, feature_names=None), rows=0, vocabulary=VOCABULARY
    )
    np.testing.assert_array_equal(display.contributions[0], [4, -2, 0])
    assert words(display) == ["not", "bad", "film"]


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="row=2 is none of the explanation's rows"):
        TokenDisplay.from_explanation(explanation(), rows=[0, 2])
    with pytest.raises(ValueError, match="words= holds the words of 1 rows, and 2 are drawn"):
        TokenDisplay.from_explanation(explanation(), words=["a", "b", "c"])
    with pytest.raises(ValueError, match="vocabulary= has no word for one of the ids"):
        TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=["a"])
    with pytest.raises(ValueError, match="Row 0 has 3 contributions, and 2 words"):
        TokenDisplay.from_explanation(explanation(), rows=0, words=["a", "b"])
    with pytest.raises(ValueError, match=r"Got \(2, 3, 4, 5\)"):
        TokenDisplay.from_explanation(explanation(contributions=np.zeros((2, 3, 4, 5))), rows=0)
    with pytest.raises(ValueError, match="no token for each contribution"):
        TokenDisplay.from_explanation(explanation(X=None), rows=0)


def test_given_axes_keep_their_figure():
    figure = Figure(figsize=(5, 4))
    display = TokenDisplay([["a", "b"]], [[1.0, 2.0]]).plot(ax=figure.add_subplot())
    assert display.figure_ is figure
    assert figure.get_size_inches().tolist() == [5, 4]
