import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, Explanation
from skdeeplift.plotting import SequenceLogoDisplay
from skdeeplift.plotting.sequence_logo import WIDTH, stack


def boxes(display):
    """Left, bottom, right and top of each letter that is drawn, rounded to hide the arithmetic's last digits."""
    paths = display.ax_.collections[-1].get_paths()
    return np.round([path.get_extents().extents for path in paths], 9)


def one_hot(text, alphabet="ACGT"):
    return np.array([[float(letter == each) for each in alphabet] for letter in text])


def explanation(text="GA", **fields):
    X = one_hot(text)[None]
    contributions = X * np.array([2.0, -0.5])[None, :, None] if "contributions" not in fields else None
    return Explanation(**{"contributions": contributions, "X": X, "prediction": np.zeros(1), "target": None, **fields})


def test_letters_are_as_high_as_their_contributions():
    display = SequenceLogoDisplay.from_explanation(explanation())
    assert display.letters_.tolist() == ["G", "A"]
    left, bottom, right, top = boxes(display).T
    np.testing.assert_allclose(bottom, [0, -0.5])
    np.testing.assert_allclose(top, [2, 0])
    # Around their positions.
    np.testing.assert_allclose((left + right) / 2, [0, 1], atol=1e-9)
    np.testing.assert_allclose(right - left, WIDTH)
    assert display.ax_.get_xlim() == (-0.5, 1.5)
    low, high = display.ax_.get_ylim()
    assert low < -0.5 < 2 < high


def test_letters_of_negative_contributions_stand_on_their_heads():
    display = SequenceLogoDisplay([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]).plot()
    up, down = (path.vertices for path in display.ax_.collections[-1].get_paths())
    np.testing.assert_allclose(up[:, 1], -down[:, 1], atol=1e-12)
    # Not turned: the left stays left.
    np.testing.assert_allclose(up[:, 0] + 1, down[:, 0], atol=1e-12)


def test_stack_by_hand():
    positions, letters, bottoms = stack(np.array([[2.0, -1.0, 0.0, 0.5], [0.0, -2.0, -1.0, 0.0]]))
    assert positions.tolist() == [0, 0, 0, 1, 1]
    assert letters.tolist() == [3, 1, 0, 2, 1]
    assert bottoms.tolist() == [0.0, 0.0, 0.5, 0.0, -1.0]


def test_hypothetical_contributions_are_stacked():
    hypothetical = np.array([[[1.0, -2.0, 0.5, 0.0], [0.0, 0.0, 0.0, 3.0]]])
    display = SequenceLogoDisplay.from_explanation(explanation(hypothetical=hypothetical), hypothetical=True)
    assert display.letters_.tolist() == ["G", "A", "C", "T"]
    np.testing.assert_allclose(boxes(display)[:, [1, 3]], [[0, 0.5], [0.5, 1.5], [-2, 0], [0, 3]])
    assert display.ax_.get_ylabel() == "hypothetical contribution to the output"
    with pytest.raises(ValueError, match=r"no hypothetical contributions.*hypothetical=True"):
        SequenceLogoDisplay.from_explanation(explanation(), hypothetical=True)


def test_letters_that_are_not_there_count_for_their_position():
    contributions = np.array([[[0.25, 0.0, 1.0, -0.25], [0.5, 0.25, 0.0, 0.0]]])
    display = SequenceLogoDisplay.from_explanation(explanation(contributions=contributions))
    assert display.letters_.tolist() == ["G", "A"]
    np.testing.assert_allclose(boxes(display)[:, 3], [1.0, 0.75])


def test_positions_without_a_letter_have_a_question_mark():
    X = one_hot("GA")[None]
    X[0, 1] = 0.25
    contributions = np.array([[[0.0, 0.0, 1.0, 0.0], [0.5, 0.25, 0.0, 0.0]]])
    display = SequenceLogoDisplay.from_explanation(explanation(X=X, contributions=contributions))
    assert display.letters_.tolist() == ["G", "?"]
    np.testing.assert_allclose(boxes(display)[1, [1, 3]], [0, 0.75])


def test_part_of_a_sequence():
    display = SequenceLogoDisplay.from_explanation(
        explanation("ACGT", contributions=one_hot("ACGT")[None]), positions=(1, 3)
    )
    assert display.letters_.tolist() == ["C", "G"]
    assert display.ax_.get_xlim() == (0.5, 2.5)
    np.testing.assert_allclose(boxes(display)[:, [0, 2]].mean(1), [1, 2])
    with pytest.raises(ValueError, match=r"positions=\(2, 9\) is no range"):
        SequenceLogoDisplay.from_explanation(explanation(), positions=(2, 9))


def test_colors_tell_letters():
    display = SequenceLogoDisplay(one_hot("ACGTA")).plot()
    colors = [tuple(each) for each in display.ax_.collections[-1].get_facecolors()]
    assert len(set(colors)) == 4
    assert colors[0] == colors[4]
    display = SequenceLogoDisplay(one_hot("AC"), letter_colors={"C": "black"}).plot()
    assert tuple(display.ax_.collections[-1].get_facecolors()[1]) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    "alphabet", ["ACDEFGHIKLMNPQRSTVWY", ["α", "β", "x"], "01"], ids=["protein", "Greek", "digits"]
)
def test_other_alphabets(alphabet):
    heights = np.eye(len(alphabet))
    display = SequenceLogoDisplay(heights, alphabet).plot()
    assert display.letters_.tolist() == list(alphabet)
    np.testing.assert_allclose(boxes(display)[:, 3], 1)
    with pytest.raises(ValueError, match="heights have shape"):
        SequenceLogoDisplay(heights, [*alphabet, "y", "z"]).plot()


def test_an_alphabet_of_other_letters_must_be_given():
    X = one_hot("XY", "XYZ")[None]
    with pytest.raises(ValueError, match=r"The sequences have 3 letters. Pass alphabet="):
        SequenceLogoDisplay.from_explanation(explanation(X=X, contributions=X))
    assert SequenceLogoDisplay.from_explanation(
        explanation(X=X, contributions=X), alphabet="XYZ"
    ).letters_.tolist() == ["X", "Y"]


@pytest.mark.parametrize(
    ("highlights", "spans", "names"),
    [
        ([(1, 3)], [(0.5, 2.5)], []),
        ({"motif": (0, 1)}, [(-0.5, 0.5)], ["motif"]),
        ({"motif": [(0, 1), (2, 4)]}, [(-0.5, 0.5), (1.5, 3.5)], ["motif", "motif"]),
    ],
    ids=["list", "name", "names"],
)
def test_highlights(highlights, spans, names):
    display = SequenceLogoDisplay(one_hot("ACGT"), highlights=highlights).plot()
    drawn = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in display.ax_.patches]
    assert drawn == spans
    assert [text.get_text() for text in display.ax_.texts] == names


def test_letters_on_another_axis():
    X = np.moveaxis(one_hot("GATT")[None], -1, 1)
    found = explanation(X=X, contributions=2 * X, letters_axis=0)
    assert "".join(SequenceLogoDisplay.from_explanation(found).letters_) == "GATT"
    found.letters_axis = None
    assert "".join(SequenceLogoDisplay.from_explanation(found, letters_axis=0).letters_) == "GATT"


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"one-hot sequences of shape \(n_rows, length, n_letters\)"):
        SequenceLogoDisplay.from_explanation(explanation(contributions=np.zeros((2, 3)), X=np.zeros((2, 3))))
    with pytest.raises(ValueError, match=r"the others are 0\. Pass rows of one-hot letters"):
        SequenceLogoDisplay.from_explanation(explanation(contributions=np.zeros((1, 3, 4)), X=np.full((1, 3, 4), 0.3)))
    with pytest.raises(ValueError, match="letters_axis=5"):
        SequenceLogoDisplay.from_explanation(explanation(), letters_axis=5)


def test_from_explainer():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    X = one_hot("GATTAC")[None]
    explainer = DeepLiftExplainer(model, reference="zeros").fit(X)
    weights = model.get_weights()[0].reshape(6, 4)
    display = SequenceLogoDisplay.from_explainer(explainer, X)
    np.testing.assert_allclose(boxes(display)[:, [1, 3]].sum(1), (weights * X[0]).sum(1), rtol=1e-5)
    display = SequenceLogoDisplay.from_explainer(explainer, X, hypothetical=True)
    np.testing.assert_allclose(display.heights, weights, rtol=1e-5)


def test_no_letter_is_cut_off():
    ax = SequenceLogoDisplay([[-1.0, -2.0, 0.5, 0.25]]).plot().ax_
    assert ax.get_ylim() == pytest.approx((-1.05 * 3, 1.05 * 0.75))


def test_one_sequence_for_each_row():
    X = np.stack([one_hot("GAT"), one_hot("TAG")])[None]
    with pytest.raises(ValueError, match=r"draws one sequence for each row\. Got values of shape \(1, 2, 3, 4\)"):
        SequenceLogoDisplay.from_explanation(explanation(X=X, contributions=X))


def test_fixed_ticks_of_shared_axes_stay():
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(2, sharex=True)
    axes[0].set_xticks([0, 1])
    display = SequenceLogoDisplay([[1.0, 0, 0, 0], [0, 2.0, 0, 0]]).plot(ax=axes[1])
    assert display.ax_.get_xticks().tolist() == [0, 1]
