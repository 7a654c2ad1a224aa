from xml.etree import ElementTree as ET

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
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
    assert bar.get_xlabel() == "contribution to the output"


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
        *("row 1", "film", "[2 padding]"),
    ]
    many = explanation(contributions=np.zeros((9, 3)), X=np.ones((9, 3), int), prediction=np.zeros(9))
    assert len(TokenDisplay.from_explanation(many).words) == 5


@pytest.mark.parametrize(
    "vocabulary",
    [VOCABULARY, dict(enumerate(VOCABULARY)), lambda ids: [VOCABULARY[each] for each in ids], np.array(VOCABULARY)],
    ids=["list", "dict", "function", "array"],
)
def test_vocabularies_of_all_kinds_give_words(vocabulary):
    assert words(TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=vocabulary)) == ["not", "bad", "film"]


def test_ids_and_own_words():
    assert words(TokenDisplay.from_explanation(explanation(), rows=0)) == ["1", "2", "3"]
    assert words(TokenDisplay.from_explanation(explanation(), rows=1, padding=0)) == ["3", "[2 padding]"]
    assert words(TokenDisplay.from_explanation(explanation(), rows=0, words=["$a", "b$", "_c^"])) == ["$a", "b$", "_c^"]


def test_dimensions_of_an_embedding_are_summed():
    contributions = np.stack([explanation().contributions, explanation().contributions], -1)
    display = TokenDisplay.from_explanation(
        explanation(contributions=contributions, feature_names=None), rows=0, vocabulary=VOCABULARY
    )
    np.testing.assert_array_equal(display.contributions[0], [4, -2, 0])
    assert words(display) == ["not", "bad", "film"]


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="row=2 is out of range"):
        TokenDisplay.from_explanation(explanation(), rows=[0, 2])
    with pytest.raises(ValueError, match="words= holds the words of 1 rows, and 2 are drawn"):
        TokenDisplay.from_explanation(explanation(), words=["a", "b", "c"])
    with pytest.raises(ValueError, match="vocabulary= has no word for the id 1"):
        TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=["a"])
    with pytest.raises(ValueError, match="Row 0 has 3 contributions, and 2 words"):
        TokenDisplay.from_explanation(explanation(), rows=0, words=["a", "b"])
    with pytest.raises(ValueError, match=r"Got \(2, 3, 4, 5\)"):
        TokenDisplay.from_explanation(explanation(contributions=np.zeros((2, 3, 4, 5))), rows=0)
    with pytest.raises(ValueError, match="no token for each contribution"):
        TokenDisplay.from_explanation(explanation(X=None), rows=0)


def test_tables_are_not_texts():
    numbers = explanation(X=np.array([[0.5, 2, 3], [3, 0, 0]]))
    with pytest.raises(ValueError, match=r"rows are a table of floating-point numbers\. Use BeeswarmDisplay"):
        TokenDisplay.from_explanation(numbers, rows=0)
    with pytest.raises(ValueError, match="rows are a table of floating-point numbers"):
        TokenDisplay.from_explanation(numbers, rows=0, vocabulary=VOCABULARY)
    # Some networks take ids as floats.
    ids = explanation(X=explanation().X.astype(np.float32))
    assert words(TokenDisplay.from_explanation(ids, rows=0, vocabulary=VOCABULARY)) == ["not", "bad", "film"]


def test_words_left_out_are_marked():
    display = TokenDisplay.from_explanation(explanation(), rows=0, vocabulary=VOCABULARY, max_words=1)
    assert words(display) == ["not", "[2 more words, sum −1]"]
    longer = TokenDisplay.from_explanation(explanation(), rows=0, words=["not", "bad", "film", "at", "all"])
    assert words(longer) == ["not", "bad", "film", "[2 words that the network did not see]"]
    padded = explanation(
        contributions=np.array([[2.0, 0.0, 0.25], [0.5, 0.0, 0.0]]), X=np.array([[1, 2, 0], [3, 0, 0]])
    )
    display = TokenDisplay.from_explanation(padded, rows=0, vocabulary=VOCABULARY, padding=0)
    assert words(display) == ["not", "bad", "[1 padding, sum +0.25]"]
    empty = explanation(X=np.zeros((2, 3), int), contributions=np.zeros((2, 3)))
    assert words(TokenDisplay.from_explanation(empty, rows=0, padding=0)) == ["[3 padding]"]
    assert words(TokenDisplay.from_explanation(empty, rows=[])) == []


def test_rows_with_targets_of_their_own_name_them():
    explained = explanation(target=np.array([0, 1]), target_unit="logit", class_names=np.array(["cat", "dog"]))
    display = TokenDisplay.from_explanation(explained, vocabulary=VOCABULARY)
    assert display.names == ["row 0, logit of cat", "row 1, logit of dog"]
    assert TokenDisplay.from_explanation(explained, rows=1).label == "contribution to logit of dog"


def test_a_notebook_shows_html_that_is_escaped_and_wraps(monkeypatch):
    display = TokenDisplay([["<b>", "a&b", ""]], [[1.0, -0.5, 0.0]], names=["<i>"], notes=["[1 < 2]"], label="x > y")
    assert display._repr_html_() is None
    html = display.plot()._repr_html_()
    tree = ET.fromstring(html)
    spans = [span for span in tree.iter("span") if span.get("title")]
    assert [span.text for span in spans] == ["<b>", "a&b", "−1", "0", "1"]
    assert [span.get("title") for span in spans[:2]] == ["+1", "−0.5"]
    assert {"<i>", "[1 < 2]"} <= {span.text for span in tree.iter("span")}
    # The colours are those of the figure.
    box = display.ax_.texts[1].get_bbox_patch().get_facecolor()
    assert f"background:{mpl.colors.to_hex(box)};" in spans[0].get("style")
    # Spaces between the words let the line break.
    assert "</span> <span" in html
    # Only the backend of a notebook would show the figure again.
    assert plt.get_fignums() == [display.figure_.number]
    monkeypatch.setattr(mpl, "get_backend", lambda: "inline")
    display._repr_html_()
    assert plt.get_fignums() == []


def test_given_axes_keep_their_figure():
    figure = Figure(figsize=(5, 4))
    display = TokenDisplay([["a", "b"]], [[1.0, 2.0]]).plot(ax=figure.add_subplot())
    assert display.figure_ is figure
    assert figure.get_size_inches().tolist() == [5, 4]


def test_a_layer_has_the_words():
    layer = keras.layers.TextVectorization(vocabulary=["not", "bad", "film"])
    display = TokenDisplay.from_explanation(explanation(X=np.array([[2, 3, 4], [4, 0, 0]])), vocabulary=layer, rows=0)
    assert words(display) == ["not", "bad", "film"]
    with pytest.raises(TypeError, match="padding must be an instance of int"):
        TokenDisplay.from_explanation(explanation(), padding="<pad>")
