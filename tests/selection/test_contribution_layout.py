import numpy as np
import pytest

from skdeeplift.selection.contribution_layout import find_layout, split_column_names

PARAMETERS = dict(n_classes=None, by_class=False, within="sum", groups=None)


def layout_of(shape, column_names=(), **parameters):
    return find_layout(shape, column_names=column_names, has_made_up_names=True, **{**PARAMETERS, **parameters})


@pytest.mark.parametrize(
    ("shape", "n_classes", "features"),
    [
        ((5, 6), None, (6,)),
        ((5, 6), 3, (2,)),
        ((5, 6, 3), 3, (6,)),
        ((5, 2, 4, 3), None, (2, 4, 3)),
        ((5, 2, 4, 3), 3, (2, 4)),
    ],
)
def test_features_and_classes(shape, n_classes, features):
    layout = layout_of(shape, [f"x{column}" for column in range(shape[1])], n_classes=n_classes)
    assert layout.shape == shape[1:]
    assert layout.features == features
    assert layout.class_labels == (None if n_classes is None else [0, 1, 2])
    assert layout.gives_table == (len(features) == 1)
    n_features = int(np.prod(features))
    expected = (5, n_features) if n_classes is None else (5, n_features, 3)
    assert layout.arrange(np.zeros(shape), "It").shape == expected


def test_absolute_contributions_by_hand():
    """Two features, the second of two columns: |1 + 2| = 3 and |-4| = 4 by class; the mean over classes is 3.5."""
    X = np.array([[[5.0, 6.0], [1.0, -1.0], [2.0, -3.0]]])
    groups = ["a", "b", "b"]
    by_class = layout_of(X.shape, "xyz", n_classes=2, by_class=True, groups=groups)
    assert by_class.groups.labels == ["a", "b"]
    np.testing.assert_array_equal(by_class.compute_absolute(X), [[[5, 6], [3, 4]]])
    np.testing.assert_array_equal(by_class.restore(by_class.compute_absolute(X)), [[5, 6, 3, 4]])
    over_classes = layout_of(X.shape, "xyz", n_classes=2, groups=groups)
    np.testing.assert_array_equal(over_classes.compute_absolute(X), [[5.5, 3.5]])


def test_restored_shape_is_that_of_the_features():
    X = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    layout = layout_of(X.shape, n_classes=5, by_class=True)
    np.testing.assert_array_equal(layout.restore(layout.arrange(X, "It")), X)


def test_rows_of_another_shape():
    with pytest.raises(ValueError, match=r"X has rows of shape \(3,\), but It was fitted .* of shape \(2,\)"):
        layout_of((4, 2), "xy").arrange(np.zeros((4, 3)), "It")


def test_names_of_features_and_classes():
    named = ["a__cat", "a__dog", "b__x__cat", "b__x__dog"]
    assert split_column_names(named, 2, False) == (["a", "b__x"], ["cat", "dog"])
    assert split_column_names([f"x{column}" for column in range(4)], 2, True) == (["x0", "x1"], [0, 1])
    assert split_column_names(["a", "b"], 1, False) == (["a", "b"], [0])
    with pytest.raises(ValueError, match="feature by feature"):
        split_column_names(["a__cat", "b__cat", "a__dog", "b__dog"], 2, False)
