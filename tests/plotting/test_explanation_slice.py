import numpy as np
import pandas as pd
import pytest

from skdeeplift.plotting.explanation_slice import name_explanations, slice_explanation, slice_table
from tests.plotting.explanations import of_classes, of_inputs, of_rows, table


@pytest.mark.parametrize(("target", "factor", "named"), [("cat", 1, "cat"), (1, -0.5, "dog")])
def test_one_of_several_targets(target, factor, named):
    chosen = slice_explanation(of_classes(), "Display", target=target)
    np.testing.assert_array_equal(chosen.contributions, factor * table().contributions)
    np.testing.assert_array_equal(chosen.prediction, factor * table().prediction)
    np.testing.assert_array_equal(chosen.reference_value, factor * table().reference_value)
    assert chosen.target.quantity == named


def test_targets_must_be_chosen():
    with pytest.raises(
        ValueError, match=r"draws contributions to one target, .* has 2\. Pass target='cat', or another of"
    ):
        slice_explanation(of_classes(), "WaterfallDisplay")
    for wrong in (2, -1, True, 0.5):
        with pytest.raises(ValueError, match=r"target="):
            slice_explanation(of_classes(), "Display", target=wrong)
    with pytest.raises(ValueError, match="names the class 'bird'"):
        slice_explanation(of_classes(), "Display", target="bird")


def test_rows_with_targets_of_their_own():
    chosen = slice_explanation(of_rows(), "Display", target=7)
    np.testing.assert_array_equal(chosen.contributions, table().contributions[1:])
    np.testing.assert_array_equal(chosen.values, table().X[1:])
    assert chosen.prediction.tolist() == [3.0]
    assert chosen.target.quantity == "output 7"
    assert slice_explanation(of_rows(), "Display").target.quantity == "each row's target"
    assert slice_explanation(of_rows(), "Display").text_of_row(1).quantity == "output 7"
    with pytest.raises(ValueError, match=r"No row .* target 5\. The rows' targets are 4, 7"):
        slice_explanation(of_rows(), "Display", target=5)


def test_a_single_target_can_be_named_but_not_another():
    assert slice_explanation(table(target=3), "Display", target=3).target.quantity == "output 3"
    with pytest.raises(ValueError, match="to target 3 alone"):
        slice_explanation(table(target=3), "Display", target=4)
    with pytest.raises(ValueError, match="to a single output"):
        slice_explanation(table(), "Display", target=0)


def test_one_of_several_inputs():
    chosen = slice_table(of_inputs(), "Display", part="right")
    np.testing.assert_array_equal(chosen.contributions, 2 * table().contributions)
    assert chosen.feature_names.tolist() == ["feature 0", "feature 1", "feature 2"]
    with pytest.raises(
        ValueError, match=r"draws one input, .* has 2\. Pass part='left', or another of 'left', 'right'"
    ):
        slice_explanation(of_inputs(), "Display")
    with pytest.raises(ValueError, match="part='middle' is no input"):
        slice_explanation(of_inputs(), "Display", part="middle")
    with pytest.raises(ValueError, match="about one input or layer"):
        slice_explanation(table(), "Display", part=0)


def test_names_of_a_frame_of_one_of_several_inputs():
    explanation = of_inputs()
    explanation.X["left"] = pd.DataFrame(explanation.X["left"], columns=["x", "y", "z"])
    assert slice_table(explanation, "Display", part="left").feature_names.tolist() == ["x", "y", "z"]


def test_several_layers_have_no_values():
    contributions = [table().contributions, np.ones((2, 4))]
    explanation = table(contributions=contributions, feature_names=None)
    assert slice_explanation(explanation, "Display", part=1).values is None
    with pytest.raises(ValueError, match=r"draws one layer, .* another of 0, 1"):
        slice_explanation(explanation, "Display")


def test_only_tables_have_features():
    explanation = table(contributions=np.zeros((2, 4, 3)), X=np.zeros((2, 4, 3)), feature_names=None)
    with pytest.raises(
        ValueError, match=r"features of a table.* Got contributions of shape \(2, 4, 3\). Use ImageContributionDisplay"
    ):
        slice_table(explanation, "Display")
    # To choose a target would not help.
    with pytest.raises(ValueError, match="features of a table"):
        slice_table(table(**explanation | {"target": of_rows().target}), "Display")
    empty = table(contributions=np.zeros((0, 3)), X=np.zeros((0, 3)), prediction=np.zeros(0))
    with pytest.raises(ValueError, match="has none"):
        slice_table(empty, "Display")
    with pytest.raises(TypeError, match=r"Got ndarray\. .*from_explainer"):
        slice_table(np.zeros((2, 3)), "Display")


def test_names_of_explanations():
    one, two = table(), of_rows()
    assert name_explanations(one, "Display") == {"": one}
    assert name_explanations({"a": one, "b": two}, "Display") == {"a": one, "b": two}
    for wrong in ({}, [one], {"a": one, "b": 3}):
        with pytest.raises(TypeError, match="takes an explanation"):
            name_explanations(wrong, "Display")


def test_rows_with_different_targets_are_not_mixed():
    explanation = of_rows()
    with pytest.raises(
        ValueError, match=r"different targets, such as their predicted classes\. Pass target=, one of 4"
    ):
        slice_table(explanation, "BeeswarmDisplay")
    assert len(slice_table(explanation, "Display", is_mixed=True).contributions) == 2
    assert len(slice_table(explanation, "Display", target=4).contributions) == 1
    explanation.target = np.array([4, 4])
    assert len(slice_table(explanation, "Display").contributions) == 2


def test_the_kind_of_data_is_checked_before_targets():
    images = table(contributions=np.zeros((2, 4, 3)), X=np.zeros((2, 4, 3)), target=np.array([4, 7]))
    with pytest.raises(ValueError, match="Use ImageContributionDisplay for images"):
        slice_table(images, "Display")
