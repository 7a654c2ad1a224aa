import numpy as np

from skdeeplift.explanation.explanation_parts import target_labels
from skdeeplift.plotting.explanation_slice import slice_explanation
from skdeeplift.plotting.rows_and_columns import are_row_targets, find_target
from tests.plotting.explanations import of_classes


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
