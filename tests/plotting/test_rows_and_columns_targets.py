import numpy as np
import pytest

from skdeeplift.plotting.explanation_slice import slice_explanation
from skdeeplift.plotting.rows_and_columns import are_row_targets, find_target, target_labels
from tests.plotting.explanations import of_classes, table


def test_labels_of_targets():
    explanation = of_classes()
    assert target_labels(explanation) == ["cat", "dog"]
    assert [find_target(target, explanation) for target in ("dog", 0)] == [1, 0]
    # Labels of other outputs do not count.
    explanation.class_names = np.array(["cat", "dog", "tiger"])
    assert target_labels(explanation) == [0, 1]


def test_targets_of_rows():
    assert are_row_targets(np.array([4, 7]), 2)
    assert are_row_targets(np.array(["cat", "dog"]), 2)
    for other in (None, 4, "all", [4, 7], np.array([4, 7, 4]), np.array([0.5, 0.5])):
        assert not are_row_targets(other, 2)


def test_labels_that_are_integers_go_before_indices():
    explanation = of_classes()
    explanation.class_names = np.array([1, 0])
    assert slice_explanation(explanation, "Display", target=1).contributions[0, 0] == 1
    assert slice_explanation(explanation, "Display", target=0).contributions[0, 0] == -0.5


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
    assert slice_explanation(explanation, "Display").to_target == named


def test_labels_that_are_truth_values():
    explanation = table(target=np.array([True, True]), class_names=np.array([False, True]))
    assert slice_explanation(explanation, "Display").to_target == "to True"
