import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, Explanation, IntegratedGradientsExplainer
from skdeeplift.explanation.subsets import OF_ELEMENTS

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(RANDOM.normal(size=(6, 3)), index=list("uvwxyz"), columns=["age", "fare", "class"])
# The same three rows, chosen in all ways.
CHOICES = {
    "slice": slice(1, 6, 2),
    "positions": [1, 3, -1],
    "array": np.array([1, 3, 5]),
    "mask": np.array([False, True] * 3),
    "Series": FRAME.index.to_series().isin(["v", "x", "z"]),
}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, "relu", name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(2, name="last")(layers.Dense(3, "relu", name="second")(hidden)))


def assert_same(taken, expected, rows):
    """Assert that each field of an explanation is that of the rows explained alone."""
    assert taken.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, (list, tuple, dict)) and name in (*OF_ELEMENTS, "X"):
            keys = value if isinstance(value, dict) else range(len(value))
            assert type(taken[name]) is type(value)
            for key in keys:
                np.testing.assert_allclose(taken[name][key], value[key], rtol=1e-5, atol=1e-6, err_msg=name)
        elif isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(taken[name], value)
        elif isinstance(value, pd.Index):
            pd.testing.assert_index_equal(taken[name], value)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(taken[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            assert np.array_equal(taken[name], value), name
    assert len(taken) == rows


@pytest.mark.sampled(8)
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("target", ["all", 1, np.array([0, 1, 0, 0, 1, 1])], ids=["all", "one", "of rows"])
def test_rows_are_those_explained_alone(model, choice, target):
    explainer = DeepLiftExplainer(model, target="all", reference="sample", random_state=0).fit(FRAME)
    alone = [1, 3, 5]
    of_rows = target[alone] if isinstance(target, np.ndarray) else target
    expected = explainer.explain(FRAME.iloc[alone], target=of_rows, multipliers=True)
    taken = explainer.explain(FRAME, target=target, multipliers=True)[CHOICES[choice]]
    assert taken.standard_error is not None
    assert_same(taken, expected, 3)


def test_one_row_is_an_explanation_of_one_row(model):
    explainer = DeepLiftExplainer(model, target=0).fit(FRAME)
    explanation = explainer.explain(FRAME)
    for row in (2, -4, np.int64(2)):
        assert_same(explanation[row], explainer.explain(FRAME.iloc[[2]]), 1)
    assert_same(explanation[2:3][0][:], explainer.explain(FRAME.iloc[[2]]), 1)


def test_steps_of_the_integral(model):
    explainer = IntegratedGradientsExplainer(
        model, target=0, n_steps="auto", convergence_tol=0.1, max_steps=20, check="ignore"
    ).fit(FRAME)
    assert_same(explainer.explain(FRAME)[1:3], explainer.explain(FRAME[1:3]), 2)


def test_layers_and_their_parts(model):
    explainer = DeepLiftExplainer(model, layer=["hidden", "second"], target=0).fit(FRAME)
    expected = explainer.explain(FRAME[1:3])
    assert_same(explainer.explain(FRAME)[1:3], expected, 2)
    assert len(expected.positive_difference) == 2


@pytest.mark.parametrize("form", [dict, list])
def test_several_inputs(form):
    inputs = [keras.Input((3,), name="left"), keras.Input((2, 2), name="right")]
    joined = layers.concatenate([inputs[0], layers.Flatten()(inputs[1])])
    arrays = {"left": RANDOM.normal(size=(3, 3)), "right": RANDOM.normal(size=(3, 2, 2))}
    # There are as many rows as the first input has features.
    X = arrays if form is dict else list(arrays.values())
    explainer = DeepLiftExplainer(keras.Model(inputs, layers.Dense(1)(joined)), reference="zeros").fit(X)
    few = {name: each[[2, 0]] for name, each in arrays.items()}
    assert_same(explainer.explain(X)[[2, 0]], explainer.explain(few if form is dict else list(few.values())), 2)


def test_letters_and_references():
    letters = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=(5, 8))]
    model = keras.Sequential(
        [keras.Input((8, 4)), layers.Conv1D(2, 3, activation="relu"), layers.Flatten(), layers.Dense(1)]
    )
    explainer = DeepLiftExplainer(model, reference="dinucleotide_shuffle", max_references=3, random_state=0)
    explanation = explainer.fit(letters).explain(letters, hypothetical=True)
    taken = explanation[[4, 1]]
    assert_same(taken, explainer.explain(letters[[4, 1]], hypothetical=True), 2)
    np.testing.assert_array_equal(taken.references(0), explanation.references(4))
    np.testing.assert_array_equal(taken[1].references(0), explanation.references(1))


@pytest.mark.parametrize("X", [[[1.0, 2.0, 3.0]] * 3, [np.arange(3.0)] * 3], ids=["lists", "arrays"])
def test_rows_in_lists(model, X):
    """There are as many rows as features, and yet the list is one of rows."""
    taken = DeepLiftExplainer(model, target=0).fit(FRAME.to_numpy()).explain(X)[[2, 0]]
    assert len(taken.X) == 2
    np.testing.assert_array_equal(np.shape(taken.X), (2, 3))


def test_weights_that_all_rows_share_stay_whole(model):
    """An output has as many units as there are rows, so that weights look like an entry for each row."""
    explainer = DeepLiftExplainer(model, target=0).fit(FRAME)
    weights = np.array([1.0, -1.0])
    taken = explainer.explain(FRAME[:2], target=weights)[0]
    np.testing.assert_array_equal(taken.target, weights)
    of_rows = explainer.explain(FRAME[:2], target=np.array([[1.0, -1.0], [0.0, 2.0]]))[1]
    np.testing.assert_array_equal(of_rows.target, [[0.0, 2.0]])


@pytest.mark.advice
def test_a_series_goes_by_its_labels(model):
    explanation = DeepLiftExplainer(model, target=0).fit(FRAME).explain(FRAME)
    assert list(explanation[FRAME["age"] > 0].index) == list(FRAME.index[FRAME["age"] > 0])
    mask = FRAME["age"].sort_values() > 0
    with pytest.raises(ValueError, match="other labels than the explanation"):
        explanation[mask]
    assert list(explanation[mask.reindex(explanation.index)].index) == list(FRAME.index[FRAME["age"] > 0])
    assert len(explanation[mask.to_numpy()]) == mask.sum()


def test_columns_and_the_sum_of_the_others(model):
    explanation = DeepLiftExplainer(model, target=0).fit(FRAME).explain(FRAME, multipliers=True)
    taken = explanation[["class", "age"]]
    np.testing.assert_array_equal(taken.contributions, explanation.contributions[:, [2, 0]])
    np.testing.assert_array_equal(taken.multipliers, explanation.multipliers[:, [2, 0]])
    np.testing.assert_array_equal(taken.other_contributions, explanation.contributions[:, 1])
    pd.testing.assert_frame_equal(taken.X, FRAME[["class", "age"]])
    assert list(taken.feature_names) == ["class", "age"]
    assert taken.prediction is explanation.prediction
    # Nothing is lost, however often columns are left out.
    again = taken[["age"]][1:]
    change = again.prediction - again.reference_value - again.convergence_delta
    np.testing.assert_allclose(again.contributions.sum(1) + again.other_contributions, change, atol=1e-6)
    assert explanation[FRAME.columns[:2]].contributions.shape == (6, 2)
    of_all = DeepLiftExplainer(model, target="all").fit(FRAME).explain(FRAME)[["fare"]]
    assert of_all.contributions.shape == (6, 1, 2)
    assert of_all.other_contributions.shape == (6, 2)


def test_an_explanation_counts_rows_and_names_fields(model):
    explanation = DeepLiftExplainer(model, target=0).fit(FRAME).explain(FRAME)
    assert len(explanation) == 6
    assert "prediction" in explanation
    assert "age" not in explanation
    assert list(explanation) == list(explanation.keys())
    assert not len(explanation[:0])
    assert explanation[:0]
    assert len(Explanation(class_names=["a"])) == 0
    for copied in (
        pickle.loads(pickle.dumps(explanation[:2])),
        copy.copy(explanation[:2]),
        copy.deepcopy(explanation)[:2],
    ):
        assert_same(copied, explanation[:2], 2)
    assert {"to_frame", "plot", "prediction"} <= set(dir(explanation))


def test_fields_that_take_no_rows_stay():
    explanation = Explanation(contributions=np.ones((2, 2)), prediction=np.zeros(2), reference_value=0.5, note=[1, 2])
    assert explanation[0].note == [1, 2]
    assert explanation[0].reference_value == 0.5


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (6, IndexError, "Row 6 is out of range: the explanation has 6 rows"),
        ([0, -7], IndexError, "Row -7 is out of range"),
        ([True, False], IndexError, "has 6 entries, one for each row. Got 2"),
        (1.5, TypeError, "indexed by the name of a field, a position"),
        ((0, "age"), TypeError, "indexed by"),
        (True, TypeError, "indexed by"),
        ([0, "age"], TypeError, "indexed by"),
        ((slice(10), ["age"]), TypeError, r"columns of rows by explanation\[:10\]\[\['age'\]\]"),
        ("nothing", KeyError, "nothing"),
        (["age", "sex"], KeyError, "has no column 'sex'.*'fare'"),
        (["age", "age"], ValueError, "selected once. Got 'age' twice"),
    ],
)
def test_there_is_no_such_part(model, choice, error, message):
    explanation = DeepLiftExplainer(model, target=0).fit(FRAME).explain(FRAME)
    with pytest.raises(error, match=message):
        explanation[choice]


@pytest.mark.advice
def test_advice_on_columns(model):
    explanation = DeepLiftExplainer(model, target=0).fit(FRAME).explain(FRAME)
    with pytest.raises(KeyError, match=r"'age' is a column, not a field. Use explanation\[\['age'\]\]"):
        explanation["age"]
    assert explanation[["age"]].contributions.shape == (6, 1)
    assert explanation[:10][["age"]].contributions.shape == (6, 1)
    label = explanation.index[1]
    with pytest.raises(
        KeyError, match=rf"'{label}' is the label of a row.*explanation\[explanation.index == '{label}'\]"
    ):
        explanation[label]
    assert explanation[explanation.index == label].index.tolist() == [label]
    explanation.feature_names = None
    with pytest.raises(ValueError, match=r"Set explanation.feature_names, or select rows: explanation\[:10\]"):
        explanation[["a"]]
    assert len(explanation[:10]) == 6
    explanation.feature_names = ["a", "b", "c"]
    assert explanation[["a"]].contributions.shape == (6, 1)


def test_saved_rows_and_columns_come_back(model, tmp_path):
    taken = DeepLiftExplainer(model, target="all").fit(FRAME).explain(FRAME)[1:4][["fare"]]
    taken.save(tmp_path / "taken.npz")
    assert_same(Explanation.load(tmp_path / "taken.npz"), taken, 3)
