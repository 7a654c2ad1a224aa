import numpy as np
import pandas as pd
import pytest

from skdeeplift import Explanation


def test_a_table_of_one_target():
    """Two rows and two columns make four lines, row by row."""
    X = pd.DataFrame({"age": [30.0, 40.0], "height": [1.5, 1.75]}, index=["Ada", "Bob"])
    explanation = Explanation(
        contributions=np.array([[0.5, -1.0], [0.0, 2.0]]),
        standard_error=np.array([[0.1, 0.2], [0.3, 0.4]]),
        prediction=np.zeros(2),
        target=None,
        X=X,
        feature_names=np.array(["age", "height"], dtype=object),
        index=X.index,
    )
    expected = pd.DataFrame(
        {
            "row": ["Ada", "Ada", "Bob", "Bob"],
            "feature": ["age", "height", "age", "height"],
            "value": [30.0, 1.5, 40.0, 1.75],
            "contribution": [0.5, -1.0, 0.0, 2.0],
            "standard_error": [0.1, 0.2, 0.3, 0.4],
        }
    )
    pd.testing.assert_frame_equal(explanation.to_frame(), expected)


@pytest.mark.parametrize(("class_names", "labels"), [(None, [0, 1, 2]), (np.array(["a", "b", "c"]), ["a", "b", "c"])])
def test_several_targets_have_a_column_of_classes(class_names, labels):
    contributions = np.arange(12.0).reshape(2, 2, 3)
    explanation = Explanation(
        contributions=contributions, prediction=np.zeros((2, 3)), X=[[1, 2], [3, 4]], class_names=class_names
    )
    frame = explanation.to_frame()
    assert list(frame.columns) == ["row", "feature", "class", "value", "contribution"]
    assert frame["class"].tolist() == labels * 4
    assert frame["feature"].tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert frame["value"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert frame["contribution"].tolist() == list(range(12))
    again = frame.pivot_table(index="row", columns=["feature", "class"], values="contribution")
    np.testing.assert_array_equal(
        again[[(feature, label) for feature in (0, 1) for label in labels]], contributions.reshape(2, -1)
    )


def test_rows_with_targets_of_their_own():
    explanation = Explanation(contributions=np.zeros((2, 2)), prediction=np.zeros(2), target=np.array([2, 0]))
    assert explanation.to_frame()["class"].tolist() == [2, 2, 0, 0]
    explanation.class_names = ["cat", "dog", "tiger"]
    assert explanation.to_frame()["class"].tolist() == ["tiger", "tiger", "cat", "cat"]


def test_images_have_positions():
    X = np.random.default_rng(0).normal(size=(2, 2, 3, 2))
    frame = Explanation(contributions=2 * X, prediction=np.zeros(2), X=X).to_frame()
    assert list(frame.columns) == ["row", "feature_0", "feature_1", "feature_2", "value", "contribution"]
    for line in frame.sample(5, random_state=0).itertuples():
        assert line.value == X[line.row, line.feature_0, line.feature_1, line.feature_2]
        assert line.contribution == 2 * line.value


@pytest.mark.parametrize("form", [dict, list, tuple])
def test_several_inputs_have_a_column_of_names(form):
    arrays = {"table": np.ones((2, 2)), "image": np.zeros((2, 2, 1)) + 5}
    given = arrays if form is dict else form(arrays.values())
    frame = Explanation(contributions=given, prediction=np.zeros(2), X=given).to_frame()
    assert list(frame.columns) == ["row", "input", "feature_0", "feature_1", "value", "contribution"]
    assert frame["input"].unique().tolist() == (["table", "image"] if form is dict else [0, 1])
    assert frame["feature_1"].isna().tolist() == [True] * 4 + [False] * 4
    assert frame["feature_1"].dtype == "Int64"
    assert frame["feature_0"].tolist() == [0, 1] * 4


def test_layers_have_no_values():
    explanation = Explanation(
        contributions=[np.zeros((2, 2)), np.zeros((2, 1))], prediction=np.zeros(2), X=np.zeros((2, 3))
    )
    frame = explanation.to_frame()
    assert list(frame.columns) == ["row", "layer", "feature", "contribution"]
    assert frame["layer"].tolist() == [0] * 4 + [1] * 2
    explanation = Explanation(contributions=np.zeros((2, 2)), prediction=np.zeros(2), X=np.zeros((2, 3)))
    assert list(explanation.to_frame().columns) == ["row", "feature", "contribution"]


def test_labels_of_rows_in_several_levels():
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    explanation = Explanation(contributions=np.zeros((2, 1)), prediction=np.zeros(2), index=index)
    assert explanation.to_frame()["row"].tolist() == [("a", 1), ("b", 2)]


def test_an_explanation_without_rows_has_an_empty_frame():
    explanation = Explanation(contributions=np.zeros((0, 3)), prediction=np.zeros(0), X=np.zeros((0, 3)))
    assert explanation.to_frame().shape == (0, 4)


def test_classes_that_are_numbers():
    """A label is no index into the labels, and weights that all rows share are no classes."""
    explanation = Explanation(contributions=np.ones((3, 1)), prediction=np.zeros(3))
    explanation.update(target=np.array([2, 0, 1]), class_names=np.array([2, 0, 1]))
    assert explanation.to_frame()["class"].tolist() == [2, 0, 1]
    explanation.update(target=np.array([2.0, 0.5, 1.0]), class_names=None)
    assert "class" not in explanation.to_frame()
    explanation.update(target=np.array([1.0, 0.0, 1.0]), class_names=np.array([0.0, 1.0]))
    assert explanation.to_frame()["class"].tolist() == [1, 0, 1]


def test_wide_table_has_a_line_for_each_row():
    X = pd.DataFrame({"age": [30.0, 40.0], "height": [1.5, 1.75]}, index=pd.Index(["Ada", "Bob"], name="who"))
    contributions = np.array([[0.5, -1.0], [0.0, 2.0]])
    explanation = Explanation(
        contributions=contributions, prediction=np.zeros(2), X=X, feature_names=["age", "height"], index=X.index
    )
    pd.testing.assert_frame_equal(explanation.to_frame("wide"), pd.DataFrame(contributions, X.index, X.columns))
    explanation.update(index=None, feature_names=None)
    pd.testing.assert_frame_equal(explanation.to_frame("wide"), pd.DataFrame(contributions))


def test_wide_tables_of_targets_and_inputs():
    """Column ``feature__class`` holds what `transform` puts there: feature by feature."""
    both = np.arange(8.0).reshape(2, 2, 2)
    explanation = Explanation(
        contributions=both, prediction=np.zeros((2, 2)), feature_names=["a", "b"], class_names=["cat", "dog"]
    )
    frame = explanation.to_frame("wide")
    assert list(frame.columns) == ["a__cat", "a__dog", "b__cat", "b__dog"]
    np.testing.assert_array_equal(frame, both.reshape(2, 4))
    inputs = {"left": np.ones((2, 1)), "right": np.zeros((2, 2))}
    frame = Explanation(contributions=inputs, prediction=np.zeros(2), X=inputs).to_frame("wide")
    assert list(frame.columns) == ["left__0", "right__0", "right__1"]


@pytest.mark.advice
def test_images_have_no_wide_table():
    explanation = Explanation(contributions=np.zeros((2, 3, 3)), prediction=np.zeros(2))
    with pytest.raises(ValueError, match=r'shape \(2, 3, 3\). Use form="long"'):
        explanation.to_frame("wide")
    assert len(explanation.to_frame("long")) == 18
    with pytest.raises(ValueError, match='takes "long" or "wide"'):
        explanation.to_frame("wider")
