import keras
import numpy as np
import pytest
from keras import layers
from sklearn.metrics import roc_auc_score

from skdeeplift import DeepLiftExplainer
from skdeeplift.metrics import localization_auc
from tests.metrics.networks import classifier, linear

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(10, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier()).fit(ROWS)


def test_auc_by_hand():
    """Contributions 1, -2, 0.5 and 0.5: the second is the largest by size, and the smallest by value."""
    rows = np.ones((1, 4))
    explainer = DeepLiftExplainer(linear(1, -2, 0.5, 0.5), reference="zeros").fit(rows)
    for positions, by_size, by_value in (
        ([False, True, False, False], 1, 0),
        ([1, 0, 0, 0], 2 / 3, 1),
        ([0, 0, 1, 0], 0.5 / 3, 1.5 / 3),
        ([1, 1, 0, 0], 1, 0.5),
        ([1, 1, 1, 1], np.nan, np.nan),
    ):
        found = [localization_auc(explainer, rows, positions, absolute=absolute) for absolute in (True, False)]
        np.testing.assert_allclose(found, [by_size, by_value])


def test_rows_with_positions_of_their_own(fitted):
    positions = GENERATOR.integers(0, 2, (10, 6)).astype(bool)
    positions[:, 0], positions[:, 1] = True, False
    contributions = np.abs(fitted.transform(ROWS))
    expected = [roc_auc_score(*pair) for pair in zip(positions, contributions, strict=True)]
    np.testing.assert_allclose(localization_auc(fitted, ROWS, positions, per_row=True), expected)
    positions[3] = False
    found = localization_auc(fitted, ROWS, positions, per_row=True)
    assert np.isnan(found[3])
    assert localization_auc(fitted, ROWS, positions) == pytest.approx(np.delete(expected, 3).mean())
    every = localization_auc(fitted, ROWS, lambda X: X > 0, target="all", per_row=True)
    assert every.shape == (10, 3)
    np.testing.assert_allclose(every[:, 1], localization_auc(fitted, ROWS, ROWS > 0, target=1, per_row=True))


def test_positions_of_sequences_and_images():
    letters = np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, (5, 7))]
    model = keras.Sequential([keras.Input((7, 4)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(letters)
    planted = np.zeros((5, 7), bool)
    planted[:, 2:4] = True
    expected = [
        roc_auc_score(*pair) for pair in zip(planted, np.abs(explainer.transform(letters).sum(-1)), strict=True)
    ]
    for positions in (planted, planted[0], planted[:, :, None] & (letters > 0), np.repeat(planted[0][:, None], 4, 1)):
        np.testing.assert_allclose(localization_auc(explainer, letters, positions, axes=1, per_row=True), expected)
    images = GENERATOR.normal(size=(3, 4, 5, 2)).astype(np.float32)
    model = keras.Sequential([keras.Input((4, 5, 2)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(images)
    corner = np.zeros((4, 5), bool)
    corner[:2, :2] = True
    sizes = np.abs(explainer.transform(images).sum(-1))
    expected = [roc_auc_score(corner.ravel(), each.ravel()) for each in sizes]
    np.testing.assert_allclose(localization_auc(explainer, images, corner, axes=(1, 2), per_row=True), expected)


def test_positions_that_do_not_fit(fitted):
    with pytest.raises(ValueError, match=r"booleans of shape \(6,\).* Got shape \(5,\)"):
        localization_auc(fitted, ROWS, np.ones(5, bool))
    with pytest.raises(ValueError, match="Got float64"):
        localization_auc(fitted, ROWS, np.full(6, 0.5))


def test_positions_of_a_function_that_writes_into_its_argument(fitted):
    def positions(X):
        X[:] = np.abs(X) > 1
        return X.astype(bool)

    rows = ROWS.copy()
    expected = localization_auc(fitted, ROWS, np.abs(ROWS) > 1)
    assert localization_auc(fitted, rows, positions) == expected
    np.testing.assert_array_equal(rows, ROWS)
