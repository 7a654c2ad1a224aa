import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.drawable import as_numbers, drawable, find_feature, one_row, table_drawable
from tests.plotting.explanations import of_classes, of_inputs, of_rows, table


@pytest.mark.parametrize(("target", "factor", "named"), [("cat", 1, "to cat"), (1, -0.5, "to dog")])
def test_one_of_several_targets(target, factor, named):
    chosen = drawable(of_classes(), "Display", target=target)
    np.testing.assert_array_equal(chosen.contributions, factor * table().contributions)
    np.testing.assert_array_equal(chosen.prediction, factor * table().prediction)
    np.testing.assert_array_equal(chosen.reference_value, factor * table().reference_value)
    assert chosen.to_target == named


def test_labels_that_are_integers_go_before_indices():
    explanation = of_classes()
    explanation.class_names = np.array([1, 0])
    assert drawable(explanation, "Display", target=1).contributions[0, 0] == 1
    assert drawable(explanation, "Display", target=0).contributions[0, 0] == -0.5


def test_targets_must_be_chosen():
    with pytest.raises(ValueError, match=r"draws contributions to one target, .* has 2\. Pass target=, .*'cat', 'dog'"):
        drawable(of_classes(), "WaterfallDisplay")
    for wrong in (2, -1, True, 0.5):
        with pytest.raises(ValueError, match=r"target="):
            drawable(of_classes(), "Display", target=wrong)
    with pytest.raises(ValueError, match="names the class 'bird'"):
        drawable(of_classes(), "Display", target="bird")


def test_rows_with_targets_of_their_own():
    chosen = drawable(of_rows(), "Display", target=7)
    np.testing.assert_array_equal(chosen.contributions, table().contributions[1:])
    np.testing.assert_array_equal(chosen.values, table().X[1:])
    assert chosen.prediction.tolist() == [3.0]
    assert chosen.to_target == "to 7"
    assert drawable(of_rows(), "Display").to_target == "to each row's target"
    with pytest.raises(ValueError, match=r"No row .* target 5\. Its rows' targets are 4, 7"):
        drawable(of_rows(), "Display", target=5)


@pytest.mark.parametrize(
    ("asked", "classes", "named"),
    [
        (None, None, ""),
        (3, None, "to 3"),
        (1, ["cat", "dog"], "to dog"),
        ("dog", ["cat", "dog"], "to dog"),
        ("predicted", None, ""),
        ({8: 1, 3: -1}, None, "to 8 − 3"),
        ({1: -0.5}, ["cat", "dog"], "to − 0.5 × dog"),
        ((2, 1), None, "to output 2, 1"),
        (len, None, ""),
    ],
    ids=str,
)
def test_names_of_targets(asked, classes, named):
    explanation = table(target=asked, class_names=None if classes is None else np.array(classes))
    assert drawable(explanation, "Display").to_target == named


def test_a_single_target_can_be_named_but_not_another():
    assert drawable(table(target=3), "Display", target=3).to_target == "to 3"
    with pytest.raises(ValueError, match="to target 3 alone"):
        drawable(table(target=3), "Display", target=4)
    with pytest.raises(ValueError, match="to a single output"):
        drawable(table(), "Display", target=0)


def test_one_of_several_inputs():
    chosen = table_drawable(of_inputs(), "Display", part="right")
    np.testing.assert_array_equal(chosen.contributions, 2 * table().contributions)
    assert chosen.feature_names.tolist() == ["feature 0", "feature 1", "feature 2"]
    with pytest.raises(ValueError, match=r"draws one input, .* has 2\. Pass part=, one of 'left', 'right'"):
        drawable(of_inputs(), "Display")
    with pytest.raises(ValueError, match="part='middle' is no input"):
        drawable(of_inputs(), "Display", part="middle")
    with pytest.raises(ValueError, match="about one input or layer"):
        drawable(table(), "Display", part=0)


def test_names_of_a_frame_of_one_of_several_inputs():
    explanation = of_inputs()
    explanation.X["left"] = pd.DataFrame(explanation.X["left"], columns=["x", "y", "z"])
    assert table_drawable(explanation, "Display", part="left").feature_names.tolist() == ["x", "y", "z"]


def test_several_layers_have_no_values():
    contributions = [table().contributions, np.ones((2, 4))]
    explanation = table(contributions=contributions, feature_names=None)
    assert drawable(explanation, "Display", part=1).values is None
    with pytest.raises(ValueError, match=r"draws one layer, .* one of 0, 1"):
        drawable(explanation, "Display")


def test_only_tables_have_features():
    explanation = table(contributions=np.zeros((2, 4, 3)), X=np.zeros((2, 4, 3)), feature_names=None)
    with pytest.raises(ValueError, match=r"features of a table.* have shape \(2, 4, 3\); ImageContributionDisplay"):
        table_drawable(explanation, "Display")
    empty = table(contributions=np.zeros((0, 3)), X=np.zeros((0, 3)), prediction=np.zeros(0))
    with pytest.raises(ValueError, match="has none"):
        table_drawable(empty, "Display")
    with pytest.raises(TypeError, match=r"Got ndarray; .*from_explainer"):
        table_drawable(np.zeros((2, 3)), "Display")


def test_choice_of_a_row():
    assert one_row(1, None, "Display") == 0
    assert one_row(3, -1, "Display") == 2
    with pytest.raises(ValueError, match="draws one row, and the explanation has 3"):
        one_row(3, None, "Display")
    with pytest.raises(ValueError, match="row=3 is none"):
        one_row(3, 3, "Display")
    with pytest.raises(TypeError, match=r"as an int. Got 'a'"):
        one_row(3, "a", "Display")


def test_choice_of_a_feature():
    assert find_feature("b", ["a", "b"], "feature") == 1
    assert find_feature(0, ["a", "b"], "feature") == 0
    assert find_feature(1, [1, 0], "feature") == 0
    with pytest.raises(ValueError, match=r"color_by='z' is no feature.*'a', 'b'"):
        find_feature("z", ["a", "b"], "color_by")
    with pytest.raises(ValueError, match="names 2 features"):
        find_feature("a", ["a", "a"], "feature")


def test_numbers_among_other_values():
    np.testing.assert_array_equal(as_numbers(np.array([1, "x", None, 2.5], dtype=object)), [1, np.nan, np.nan, 2.5])
    np.testing.assert_array_equal(as_numbers(pd.Series(["u", "v"], dtype="category")), [np.nan, np.nan])
