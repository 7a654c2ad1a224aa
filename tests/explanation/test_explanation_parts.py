import numpy as np

from skdeeplift import Explanation
from skdeeplift.explanation.explanation_parts import (
    find_kind,
    find_part,
    find_parts,
    has_targets,
    target_labels,
    unwrap_single,
)

ROWS = np.arange(6.0).reshape(2, 3)


def test_one_input_is_one_part():
    explanation = Explanation(contributions=2 * ROWS, prediction=np.zeros(2), X=[ROWS])
    kind, [part] = find_parts(explanation)
    assert (kind, part.name, part.standard_error) == (None, None, None)
    np.testing.assert_array_equal(part.values, ROWS)


def test_inputs_have_values_and_layers_have_none():
    explanation = Explanation(contributions={"a": ROWS, "b": ROWS}, prediction=np.zeros(2), X={"a": ROWS, "b": ROWS})
    kind, parts = find_parts(explanation)
    assert (kind, [part.name for part in parts]) == ("input", ["a", "b"])
    kind, parts = find_parts(Explanation(contributions=[ROWS, ROWS[:, :1]], prediction=np.zeros(2), X=ROWS))
    assert (kind, [part.name for part in parts], [part.values for part in parts]) == ("layer", [0, 1], [None, None])


def test_parts_are_chosen_by_name_or_position():
    """Two rows of two inputs, so that a field with a name for each input could be taken for one of the rows."""
    explanation = Explanation(
        contributions=[ROWS, 2 * ROWS], prediction=np.zeros(2), X=[ROWS, ROWS], input_names=["one", "other"]
    )
    _, parts = find_parts(explanation[1:])
    assert [(part.name, part.key) for part in parts] == [("one", 0), ("other", 1)]
    assert find_part(parts, "other") is find_part(parts, 1) is parts[1]
    assert find_part(parts, "x") is find_part(parts, 2) is find_part(parts, None) is None
    assert explanation.to_frame()["input"].unique().tolist() == ["one", "other"]
    assert list(explanation.to_frame("wide").columns)[::3] == ["one__0", "other__0"]
    # Layers keep their own names.
    layers = Explanation(contributions=[ROWS, ROWS], prediction=np.zeros(2), X=ROWS, layer=["a", "b"])
    assert [part.name for part in find_parts(layers)[1]] == ["a", "b"]


def test_an_axis_of_targets_is_not_an_axis_of_the_rows():
    explanation = Explanation(contributions=np.zeros((2, 3, 4)), prediction=np.zeros((2, 4)), X=ROWS)
    assert has_targets(explanation)
    _, [part] = find_parts(explanation)
    assert part.values.shape == (2, 3)


def test_only_a_single_array_is_unwrapped():
    assert unwrap_single([ROWS]) is unwrap_single({"a": ROWS}) is ROWS
    assert unwrap_single([ROWS, ROWS]) == [ROWS, ROWS]
    assert unwrap_single([[1.0, 2.0]]) == [[1.0, 2.0]]


def test_labels_of_targets():
    explanation = Explanation(prediction=np.zeros((2, 3)))
    assert target_labels(explanation) == [0, 1, 2]
    explanation.class_names = np.array(["a", "b", "c"])
    assert target_labels(explanation) == ["a", "b", "c"]
    explanation.class_names = np.array(["a", "b"])
    assert target_labels(explanation) == [0, 1, 2]
    # A single logit stands for the second of two classes.
    explanation.prediction = np.zeros((2, 1))
    assert target_labels(explanation) == ["b"]


def test_the_units_of_a_layer_have_no_values():
    """They may be as many as the inputs."""
    units = Explanation(contributions=np.ones((2, 3)), prediction=np.ones(2), X=np.ones((2, 3)), layer="hidden")
    assert find_parts(units)[1][0].values is None
    X, several = [np.ones((2, 3))] * 2, [np.ones((2, 3))] * 2
    kind, _ = find_parts(Explanation(contributions=several, prediction=np.ones(2), X=X, layer=["one", "two"]))
    assert kind == "layer"


def test_a_picture_needs_an_image_below_it():
    explanation = Explanation(contributions=[np.ones((2, 4, 4))] * 2, prediction=np.ones(2), X={}, layer=["a", "b"])
    assert find_kind(find_parts(explanation)[1][0], explanation) == "array"
